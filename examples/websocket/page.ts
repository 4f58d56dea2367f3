/** A page for trying the WebSocket. */
export const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>tenant-knex with WebSockets</title>
<link rel="icon" href="data:,">
<style>
  :root { color-scheme: light dark; }
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 36rem; margin: 2rem auto; padding: 0 1rem; }
  input, button { font: inherit; padding: .4rem .8rem; }
</style>
<h1></h1>
<form><input name="text" maxlength="200" required aria-label="A note"> <button>Send</button></form>
<ul></ul>
<p>Open this page twice, and globex.localhost beside acme.localhost.</p>
<script>
  const [form] = document.forms
  const say = (text) => {
    const item = document.createElement('li')
    item.textContent = text
    document.querySelector('ul').prepend(item)
  }
  document.querySelector('h1').textContent = location.hostname
  const webSocket = new WebSocket('ws://' + location.host)
  webSocket.onmessage = ({ data }) => say(JSON.parse(data).text)
  webSocket.onclose = () => say('(the connection is closed)')
  form.onsubmit = (event) => {
    event.preventDefault()
    webSocket.send(form.text.value)
    form.reset()
  }
</script>
</html>
`
