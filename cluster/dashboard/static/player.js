// Plays a painting moment by moment: play, slider, keys, the address (#s3), the picture of all frames. Both theatres use it.
// draw(at) shows all but the frame; keys clicks more switches; numberOf and momentOf turn moments into the address's numbers and back.
function player({ last, seconds, columns, frame: [width, height], keys, draw, numberOf = (at) => at, momentOf = (number) => number }) {
  const canvas = document.getElementById("painting"), ink = canvas.getContext("2d"), frames = new Image();
  const scrubber = document.getElementById("scrubber"), play = document.getElementById("play");
  let moment = last, timer = null;
  function show(next, tell = true) {
    moment = Math.max(0, Math.min(last, next));
    if (frames.complete && frames.naturalWidth) ink.drawImage(frames, (moment % columns) * width, Math.floor(moment / columns) * height, width, height, 0, 0, width, height);
    scrubber.value = moment;
    draw(moment);
    if (tell) history.replaceState(null, "", `#s${numberOf(moment)}`);
  }
  function stop() { clearInterval(timer); timer = null; play.setAttribute("aria-pressed", "false"); play.lastElementChild.textContent = "Play"; }
  function start() {
    if (moment === last) show(0);
    play.setAttribute("aria-pressed", "true"); play.lastElementChild.textContent = "Pause";
    timer = setInterval(() => { show(moment + 1); if (moment === last) stop(); }, Math.max(160, Math.min(700, (1000 * seconds) / Math.max(1, last))));
  }
  const go = (next) => { stop(); show(next); };
  play.addEventListener("click", () => (timer ? stop() : start()));
  scrubber.addEventListener("input", () => go(Number(scrubber.value)));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.type === "checkbox") return;
    const moves = { ArrowLeft: moment - 1, ArrowRight: moment + 1, Home: 0, End: last };
    if (event.key in moves) { event.preventDefault(); go(moves[event.key]); }
    if (event.key === " " && !event.target.closest("button, a")) { event.preventDefault(); play.click(); }
    keys[event.key]?.click();
  });
  const asked = () => { const match = /^#s(\d+)$/.exec(location.hash); return match ? momentOf(Number(match[1])) : last; };
  addEventListener("hashchange", () => { stop(); show(asked(), false); });
  frames.addEventListener("load", () => show(moment, false));
  // The server's answer says why; an exported page opened as a file has nobody to ask.
  frames.addEventListener("error", async () => {
    let reason = `${canvas.dataset.src.split("/").pop()} is missing or damaged.`;
    if (location.protocol.startsWith("http")) reason = await fetch(frames.src).then((answer) => (answer.ok ? "the picture is damaged." : answer.text()), () => "the server does not answer.");
    const notice = document.getElementById("failed");
    notice.textContent = `The frames could not be loaded: ${reason.trim()}`; notice.hidden = false;
  });
  frames.src = canvas.dataset.src;
  show(asked(), false);
  return go;
}
