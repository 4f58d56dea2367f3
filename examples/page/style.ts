/** How the pages look. */
export const STYLE = `
  :root {
    --tenant: hsl(var(--hue) 65% 42%);
    --tint: hsl(var(--hue) 60% 96%);
    --line: hsl(var(--hue) 20% 88%);
    --ink: hsl(var(--hue) 25% 16%);
    --faint: hsl(var(--hue) 10% 45%);
    font: 16px/1.5 system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif;
    color: var(--ink);
    background: var(--tint);
  }
  * { box-sizing: border-box; margin: 0; }
  body { max-width: 60rem; margin: 0 auto; padding: 1.25rem; }
  header { display: flex; flex-wrap: wrap; gap: .5rem 1rem; justify-content: space-between; align-items: center; }
  header span { color: var(--faint); font-weight: normal; }
  nav { display: flex; gap: .25rem; padding: .25rem; border-radius: 99px; background: white; border: 1px solid var(--line); }
  nav a { padding: .2rem .9rem; border-radius: 99px; color: var(--faint); text-decoration: none; }
  nav a:hover { background: var(--tint); color: var(--ink); }
  nav a[aria-current] { background: var(--tenant); color: white; }
  .who { display: flex; gap: 1rem; align-items: center; margin: 2rem 0 1.5rem; }
  .who p { color: var(--faint); }
  .avatar { width: 4rem; height: 4rem; border-radius: 1.1rem; background: var(--tenant); color: white;
    display: grid; place-items: center; font-size: 2rem; font-weight: bold; text-transform: uppercase; }
  h1 { font-size: 2rem; line-height: 1.15; }
  .who h1 { text-transform: capitalize; }
  h2 { font-size: 1.05rem; margin-bottom: .6rem; }
  code { font: .9em ui-monospace, 'DejaVu Sans Mono', monospace; color: var(--ink); }
  .cards { display: grid; gap: 1rem; grid-template-columns: 5fr 3fr; align-items: start; }
  aside { display: grid; gap: 1rem; }
  @media (max-width: 40rem) { .cards { grid-template-columns: 1fr; } }
  .card { background: white; border: 1px solid var(--line); border-radius: 1rem; padding: 1.25rem; }
  .card p { color: var(--faint); overflow-wrap: anywhere; }
  .nobody h1 { margin-bottom: .5rem; }
  .nobody { margin-top: 2rem; text-align: center; padding: 3rem 1.25rem; }
  ul { list-style: none; padding: 0; }
  li { display: flex; gap: 1rem; justify-content: space-between; align-items: baseline;
    padding: .55rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
  small { color: var(--faint); white-space: nowrap; }
  form { display: flex; gap: .5rem; margin-top: 1rem; }
  input { flex: 1; min-width: 0; }
  input, button { font: inherit; padding: .5rem .9rem; border-radius: .6rem; border: 1px solid var(--line); }
  input:focus-visible, button:focus-visible, a:focus-visible { outline: 3px solid hsl(var(--hue) 65% 75%); outline-offset: 1px; }
  button { background: var(--tenant); border-color: var(--tenant); color: white; font-weight: 600; cursor: pointer; }
  button.quiet { background: white; color: var(--tenant); border-color: var(--line); }
  .badge { margin-left: .4rem; padding: .1rem .6rem; border-radius: 99px; font-size: .8rem; text-transform: uppercase; letter-spacing: .04em; }
  .hit { background: #d9f2e1; color: #14632f; }
  .miss { background: #fdeccc; color: #7a4a00; }
`
