/** The style of the pages. An element with `data-tenant` has that tenant's colour. */
export const STYLE = `
  :root { --hue: 210; color-scheme: light dark; }
  :root, [data-tenant] {
    --tenant: hsl(var(--hue) 65% 37%);
    --on-tenant: white;
    --page: hsl(var(--hue) 60% 97%);
    --card: white;
    --tint: hsl(var(--hue) 60% 94%);
    --line: hsl(var(--hue) 20% 88%);
    --edge: hsl(var(--hue) 12% 55%);
    --ink: hsl(var(--hue) 25% 16%);
    --faint: hsl(var(--hue) 10% 40%);
    --good: #14632f; --good-tint: #d9f2e1;
    --warn: #7a4a00; --warn-tint: #fdeccc;
    --bad: #a3161f; --bad-tint: #fde3e3;
  }
  @media (prefers-color-scheme: dark) {
    :root, [data-tenant] {
      --tenant: hsl(var(--hue) 75% 70%);
      --on-tenant: hsl(var(--hue) 50% 10%);
      --page: hsl(var(--hue) 18% 8%);
      --card: hsl(var(--hue) 15% 12%);
      --tint: hsl(var(--hue) 28% 20%);
      --line: hsl(var(--hue) 12% 23%);
      --edge: hsl(var(--hue) 10% 50%);
      --ink: hsl(var(--hue) 20% 93%);
      --faint: hsl(var(--hue) 10% 68%);
      --good: #7fdc9c; --good-tint: #12351f;
      --warn: #f3c26b; --warn-tint: #3d2b08;
      --bad: #ff9c9c; --bad-tint: #451519;
    }
  }
  * { box-sizing: border-box; margin: 0; }
  html { font: 16px/1.5 system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif; color: var(--ink); background: var(--page); }
  body { max-width: 62rem; margin: 0 auto; padding: 1.25rem; }
  header { display: flex; flex-wrap: wrap; gap: .5rem 1rem; justify-content: space-between; align-items: center; }
  header span { color: var(--faint); font-weight: normal; }
  nav { display: flex; gap: .25rem; padding: .25rem; border-radius: 99px; background: var(--card); border: 1px solid var(--line); }
  nav a { padding: .2rem .9rem; border-radius: 99px; color: var(--faint); text-decoration: none; }
  nav a:hover { background: var(--tint); color: var(--ink); }
  nav a[aria-current] { background: var(--tenant); color: var(--on-tenant); }
  .who { display: flex; gap: 1rem; align-items: center; margin: 1.75rem 0 1.25rem; }
  .who p { color: var(--faint); overflow-wrap: anywhere; }
  .avatar { flex: none; width: 4rem; height: 4rem; border-radius: 1.1rem; background: var(--tenant); color: var(--on-tenant);
    display: grid; place-items: center; font-size: 2rem; font-weight: bold; text-transform: uppercase; }
  h1 { font-size: 2rem; line-height: 1.15; }
  .who h1 { text-transform: capitalize; }
  h2 { font-size: 1.05rem; margin-bottom: .6rem; }
  code { font: .9em ui-monospace, 'DejaVu Sans Mono', monospace; color: var(--ink); }
  .cards { display: grid; gap: 1rem; grid-template-columns: 5fr 3fr; align-items: start; }
  aside { display: grid; gap: 1rem; }
  .card { background: var(--card); border: 1px solid var(--line); border-radius: 1rem; padding: 1.25rem; }
  .card p { color: var(--faint); overflow-wrap: anywhere; }
  .nobody h1 { margin-bottom: .5rem; }
  .nobody { margin-top: 2rem; text-align: center; padding: 3rem 1.25rem; }
  ul { list-style: none; padding: 0; }
  li { display: flex; gap: 1rem; justify-content: space-between; align-items: baseline;
    padding: .55rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
  small { color: var(--faint); white-space: nowrap; }
  form { display: flex; flex-wrap: wrap; gap: .5rem; margin-top: 1rem; }
  input { flex: 1; min-width: 0; color: inherit; background: var(--card); border: 1px solid var(--edge); }
  input::placeholder { color: var(--faint); opacity: 1; }
  input[aria-invalid] { border-color: var(--bad); }
  .card .problem { flex-basis: 100%; color: var(--bad); }
  input, button { font: inherit; padding: .5rem .9rem; border-radius: .6rem; }
  button { border: 1px solid var(--tenant); background: var(--tenant); color: var(--on-tenant); font-weight: 600; cursor: pointer; }
  button.quiet { background: none; color: var(--tenant); border-color: var(--edge); }
  button[aria-disabled='true'] { opacity: .6; cursor: progress; }
  :is(input, button, a):focus-visible { outline: 3px solid var(--tenant); outline-offset: 2px; }
  .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  .badge { margin-left: .4rem; padding: .1rem .6rem; border-radius: 99px; font-size: .8rem; text-transform: uppercase; letter-spacing: .04em; }
  .hit { background: var(--good-tint); color: var(--good); }
  .miss { background: var(--warn-tint); color: var(--warn); }

  .proof { display: grid; gap: 1.25rem 2.5rem; grid-template-columns: 1fr 1fr; margin-bottom: 1rem; }
  .outcome { display: grid; grid-template-columns: auto 1fr; gap: .75rem 1.25rem; margin-top: 1rem; }
  .card .wrong { display: grid; align-content: center; justify-items: center; min-width: 7rem; padding: .5rem 1rem;
    border-radius: .8rem; background: var(--tint); line-height: 1.2; }
  .wrong b { font-size: 3rem; line-height: 1; color: var(--ink); font-variant-numeric: tabular-nums; }
  [data-verdict='good'] .wrong { background: var(--good-tint); }
  [data-verdict='good'] :is(.wrong, .wrong b, #sentence) { color: var(--good); }
  [data-verdict='bad'] .wrong { background: var(--bad-tint); }
  [data-verdict='bad'] :is(.wrong, .wrong b, #sentence) { color: var(--bad); }
  #sentence { grid-column: 1 / -1; }
  dl > div { display: flex; justify-content: space-between; gap: 1rem; font-size: .9rem; line-height: 1.4; }
  dt { color: var(--faint); }
  dd { font-weight: 600; font-variant-numeric: tabular-nums; }
  table { width: 100%; table-layout: fixed; border-collapse: separate; border-spacing: 0 .25rem; font-variant-numeric: tabular-nums; }
  th { text-align: left; font-size: .85rem; font-weight: normal; color: var(--faint); }
  th, td { padding: .3rem .6rem; white-space: nowrap; }
  td { height: 2.2rem; background: var(--page); }
  td:first-child { border-radius: .6rem 0 0 .6rem; color: var(--faint); }
  td:nth-child(2) { font-weight: 600; color: var(--tenant); }
  td:last-child { border-radius: 0 .6rem .6rem 0; text-align: right; }
  th:last-child { text-align: right; }
  [data-state='idle'] td { background: var(--tint); }
  [data-state='used'] td { background: var(--tenant); }
  [data-state='used'] td:nth-child(n) { color: var(--on-tenant); }
  .proof table + p { margin-top: .6rem; font-size: .9rem; }
  #waiting { color: var(--ink); }

  @media (max-width: 48rem) { .cards, .proof { grid-template-columns: minmax(0, 1fr); } }
  @media (max-width: 26rem) { .proof th, .proof td { padding-inline: .4rem; } }
`
