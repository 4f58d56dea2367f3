/*
 * The script of the Koa example's page. It shows the pool's connections as they change, and runs the proof
 * without reloading the page.
 */
const one = (selector) => document.querySelector(selector)

const rows = [...one('#connections').rows]
const events = new EventSource('/pool')
events.onopen = () => showLive(true)
events.onerror = () => showLive(false) // the browser reconnects by itself
events.onmessage = ({ data }) => showPool(JSON.parse(data))

function showLive(isLive) {
  one('#live').textContent = isLive ? 'live' : 'not live'
  one('#live').classList.toggle('hit', isLive)
}

function showPool({ now, waiting, connections }) {
  one('#waiting').textContent = waiting
  for (const [index, row] of rows.entries()) showConnection(row, connections[index], now)
}

function showConnection(row, connection, now) {
  row.dataset.tenant = connection?.tenant ?? ''
  row.dataset.state = connection?.state ?? ''
  const texts = connection
    ? [
        `#${connection.connectionId}`,
        connection.tenant ?? '',
        connection.state,
        ageOf(connection, now),
      ]
    : ['–', '', '', '']
  for (const [index, text] of texts.entries()) row.cells[index].textContent = text
  row.cells[3].title = connection?.since ?? ''
}

function ageOf({ since }, now) {
  const millis = Date.parse(now) - Date.parse(since)
  if (millis < 1_000) return `${millis} ms`
  if (millis < 100_000) return `${Math.floor(millis / 1_000)} s`
  return `${Math.floor(millis / 60_000)} min`
}

let isRunning = false
one('#proof').addEventListener('submit', async (event) => {
  event.preventDefault()
  if (isRunning) return
  setRunning(true)
  try {
    showProof(await proof())
  } catch (error) {
    showProof({ verdict: 'bad', sentence: `The requests could not be sent: ${error.message}` })
  } finally {
    setRunning(false)
  }
})

function setRunning(value) {
  isRunning = value
  const button = one('#proof button')
  button.setAttribute('aria-disabled', String(value)) // `disabled` would remove the focus
  if (value) one('#sentence').textContent = 'Sending…'
}

async function proof() {
  const response = await fetch('/proof', {
    method: 'POST',
    headers: { accept: 'application/json' },
  })
  if (!response.ok) throw new Error(`The status is ${response.status}.`)
  return response.json()
}

function showProof({ verdict, sentence, ...numbers }) {
  one('#outcome').dataset.verdict = verdict
  one('#sentence').textContent = sentence
  for (const place of document.querySelectorAll('[data-number]')) {
    place.textContent = numbers[place.dataset.number] ?? '–'
  }
}
