import { init } from 'echarts'
import type { Quartiles } from '../support/statistics.ts'

/** The data of a chart: a value for each category, in several series. */
export interface Chart {
  readonly title: string
  /** The text below the title: what was measured, and on which server. */
  readonly subtitle: string
  readonly categoryTitle: string
  readonly valueTitle: string
  readonly categories: readonly string[]
  readonly series: readonly Series[]
  /** A line through the whole chart, which all values are compared with. */
  readonly baseline?: number
  /** True if values differ by orders of magnitude. */
  readonly isLogarithmic?: boolean
}

/** A value for each category; undefined if there is none. Quartiles are drawn if they are given. */
export interface Series {
  readonly name: string
  readonly values: readonly (Quartiles | number | undefined)[]
  /** True to draw a line with dashes, in the colour of the previous series. */
  readonly isDashed?: boolean
}

const WIDTH = 860
const MARGIN = { left: 70, right: 30, top: 70 }
const PLOT_HEIGHT = 260
/** The room between the plot and the legend: categories in at most two lines, and their title. */
const CATEGORIES_HEIGHT = 66
/** Wide enough to show dashes. */
const LEGEND_ITEM = { width: 40, height: 14, gap: 8 }
const FONT = 'system-ui, sans-serif'
/** Colours that colour-blind readers can distinguish (Okabe and Ito). */
const COLORS = [
  ...['#0072b2', '#e69f00', '#009e73', '#cc79a7'],
  ...['#56b4e9', '#d55e00', '#000000', '#f0e442'],
]
/** No effects for a mouse: it is an image. */
const STILL = { emphasis: { disabled: true }, silent: true }
const WHISKER_WIDTH = 5
/**
 * The share of its room that a category's text may take. ECharts does not know the font, and estimates texts
 * as narrower than most fonts make them.
 */
const LABEL_SHARE = 0.7

/** Draws bars side by side, as SVG. */
export function drawBars(chart: Chart): string {
  return draw(chart, (series, index) => [
    {
      type: 'bar',
      name: series.name,
      data: medians(series),
      ...(index === 0 ? baselineOf(chart) : {}),
    },
    {
      type: 'custom',
      name: series.name,
      data: whiskers(series),
      encode: { x: 0, y: [1, 2] },
      renderItem: (_: unknown, api: RenderApi) => whisker(api, chart.series.length, index),
      z: 3,
    },
  ])
}

/** Draws lines, as SVG. */
export function drawLines(chart: Chart): string {
  return draw(chart, (series, index) => [
    {
      type: 'line',
      name: series.name,
      data: medians(series),
      connectNulls: true,
      symbolSize: 7,
      lineStyle: { width: 2.5, type: series.isDashed ? 'dashed' : 'solid' },
      color: lineColor(chart, index),
      ...(index === 0 ? baselineOf(chart) : {}),
    },
  ])
}

function draw(chart: Chart, seriesOf: (series: Series, index: number) => object[]): string {
  const belowPlot = CATEGORIES_HEIGHT + legendHeight(chart)
  const size = { width: WIDTH, height: MARGIN.top + PLOT_HEIGHT + belowPlot }
  const drawing = init(null, null, { renderer: 'svg', ssr: true, ...size })
  drawing.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    color: COLORS,
    textStyle: { fontFamily: FONT },
    title: { text: chart.title, subtext: chart.subtitle, left: 'center' },
    legend: legendOf(chart),
    grid: { ...MARGIN, bottom: belowPlot },
    xAxis: {
      type: 'category',
      name: chart.categoryTitle,
      nameLocation: 'middle',
      nameGap: 28,
      data: chart.categories,
      axisLabel: { interval: 0, width: labelWidth(chart), overflow: 'break' },
    },
    yAxis: {
      type: chart.isLogarithmic ? 'log' : 'value',
      name: chart.valueTitle,
      nameLocation: 'middle',
      nameGap: 50,
    },
    series: chart.series.flatMap(seriesOf).map((series) => ({ ...series, ...STILL })),
  })
  const svg = drawing.renderToSVGString()
  drawing.dispose()
  return `${svg}\n`
}

/** One entry below the other, because the width of a text is unknown here. */
function legendOf({ series }: Chart): object {
  return {
    orient: 'vertical',
    left: 'center',
    bottom: 0,
    itemWidth: LEGEND_ITEM.width,
    itemHeight: LEGEND_ITEM.height,
    itemGap: LEGEND_ITEM.gap,
    data: series.map(({ name }) => name),
  }
}

function legendHeight({ series }: Chart): number {
  return series.length * (LEGEND_ITEM.height + LEGEND_ITEM.gap)
}

function labelWidth({ categories }: Chart): number {
  return ((WIDTH - MARGIN.left - MARGIN.right) / categories.length) * LABEL_SHARE
}

function lineColor({ series }: Chart, index: number): string | undefined {
  const solid = series.slice(0, index + 1).filter(({ isDashed }) => !isDashed)
  return COLORS[solid.length - 1]
}

function baselineOf({ baseline }: Chart): object {
  if (baseline === undefined) return {}
  return {
    markLine: {
      symbol: 'none',
      silent: true,
      lineStyle: { color: '#444444' },
      label: { show: false },
      data: [{ yAxis: baseline }],
    },
  }
}

function medians({ values }: Series): (number | null)[] {
  return values.map((value) => (typeof value === 'object' ? value.median : (value ?? null)))
}

function whiskers({ values }: Series): number[][] {
  return values.flatMap((value, category) =>
    typeof value === 'object' ? [[category, value.lower, value.upper]] : [],
  )
}

/** The functions of ECharts for custom rendering. */
interface RenderApi {
  value(dimension: number): number
  coord(point: readonly [number, number]): [number, number]
  barLayout(options: { count: number }): { offsetCenter: number }[]
}

/** A line from the lower to the upper quartile, over the middle of its bar. */
function whisker(api: RenderApi, count: number, index: number): object {
  const offset = api.barLayout({ count })[index]?.offsetCenter ?? 0
  const [x, low] = api.coord([api.value(0), api.value(1)])
  const [, high] = api.coord([api.value(0), api.value(2)])
  const line = (x1: number, y1: number, x2: number, y2: number): object => ({
    type: 'line',
    shape: { x1: x + offset + x1, y1, x2: x + offset + x2, y2 },
    style: { stroke: '#333333', lineWidth: 1.2 },
  })
  return {
    type: 'group',
    children: [
      line(0, low, 0, high),
      line(-WHISKER_WIDTH, low, WHISKER_WIDTH, low),
      line(-WHISKER_WIDTH, high, WHISKER_WIDTH, high),
    ],
  }
}
