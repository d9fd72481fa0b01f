"use strict";
// Seconds as h:mm:ss.s, rounded down like all times on the page.
function clock(seconds) {
  const tenths = Math.floor(seconds * 10 + 1e-5);
  const whole = Math.floor(tenths / 10);
  const two = (value) => String(value).padStart(2, "0");
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}.${tenths % 10}`;
}

// Clicks in a figure over time, or on its time axis, seek. Returns a function that places its play head.
function overTime(box, head, { origin, seek }) {
  const AXIS_PX = 24;
  const isDrawn = () => box._fullLayout?.xaxis?.type === "date";

  // Pointer events are used because Plotly reports clicks only on points.
  let pressed = null;
  function timeAt(event) {
    const frame = box.getBoundingClientRect();
    const size = box._fullLayout._size;
    const x = event.clientX - frame.left - size.l;
    const down = event.clientY - frame.top - size.t;
    const isInside = x >= 0 && x <= size.w && down >= 0 && down <= size.h + AXIS_PX;
    return isInside ? (box._fullLayout.xaxis.p2c(x) - origin) / 1000 : null;
  }
  window.addEventListener("pointerdown", (event) => {
    const on = isDrawn() && box.contains(event.target) && !event.target.closest(".modebar, .legend, .rangeslider-container");
    pressed = on && event.button === 0 ? event : null;
  }, true);
  window.addEventListener("pointerup", (event) => {
    const still = pressed && Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY) < 4;
    const time = still ? timeAt(pressed) : null;
    pressed = null;
    if (time !== null) seek(time);
  }, true);

  return (time) => {
    head.hidden = true;
    if (!isDrawn()) return;
    const size = box._fullLayout._size;
    const x = box._fullLayout.xaxis.c2p(origin + time * 1000);
    head.hidden = x < 0 || x > size.w;
    Object.assign(head.style, { left: `${size.l + x}px`, top: `${size.t}px`, height: `${size.h}px` });
  };
}

// The recording beside the plot: clicks and keys seek, and playing moves the line in the plot.
function playback(box, { origin, runs, end, marks, followers }) {
  const now = document.getElementById("now");
  const video = document.getElementById("recording");
  const panel = document.getElementById("beside");
  const STEP_S = 5;
  const FRAME_S = Number(panel.dataset.frame) || 0.04;
  const JUST_AFTER_S = 0.001; // At a frame's exact time, players may show the frame before.
  let time = 0;

  function words() {
    const at = origin + time * 1000;
    const shown = runs().filter((run) => run.left <= at && at < run.right);
    const said = shown.map((run) => `${run.lane} ${run.name}`).sort(byWords.compare);
    return `${clock(time)} \u00b7 ${said.length ? said.join(", ") : "no episode"}`;
  }

  function place() {
    now.textContent = words();
    followers.forEach((follow) => follow(time));
  }

  function show(seconds) {
    time = Math.min(Math.max(seconds, 0), end);
    place();
  }

  function seek(seconds) {
    show(seconds);
    marks.draw(time);
    if (video.readyState > 0) video.currentTime = time + JUST_AFTER_S;
    history.replaceState(null, "", `#t=${Number(time.toFixed(3))}`);
  }

  // What is drawn belongs to the displayed frame, whatever the player's time is.
  function frame(_, { mediaTime }) {
    if (!video.paused && !video.ended) show(mediaTime);
    marks.draw(mediaTime);
    video.requestVideoFrameCallback(frame);
  }
  function follow() {
    show(video.currentTime);
    marks.draw(time);
    if (!video.paused && !video.ended) requestAnimationFrame(follow);
  }
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(frame);
  else video.addEventListener("play", follow);
  video.addEventListener("seeked", () => {
    if (Math.abs(video.currentTime - time) > 2 * JUST_AFTER_S) show(video.currentTime);
  });
  const button = document.getElementById("play");
  const playOrPause = () => (video.paused ? video.play() : video.pause());
  button.addEventListener("click", playOrPause);
  for (const event of ["play", "pause", "ended"]) {
    video.addEventListener(event, () => { button.textContent = video.paused ? "Play" : "Pause"; });
  }
  // The player's own controls darken the picture, so they are there only when they are wanted.
  if (window.matchMedia("(hover: hover)").matches) {
    const stage = document.getElementById("stage");
    const show = () => { video.controls = stage.matches(":hover, :focus-within"); };
    video.tabIndex = 0;
    ["pointerenter", "pointerleave", "focusin", "focusout"].forEach((event) => stage.addEventListener(event, () => setTimeout(show)));
    show();
  }
  // A codec that the browser lacks gives an error, or, if there is sound, a picture of width 0.
  const pictures = () => { panel.className = video.videoWidth ? "" : "unseen"; };
  const failed = () => { panel.className = video.src.startsWith("blob:") ? "missing unseen" : "missing failed"; };
  video.addEventListener("loadedmetadata", () => {
    pictures();
    video.currentTime = time + JUST_AFTER_S;
  });
  video.addEventListener("resize", pictures);
  video.addEventListener("error", failed);
  document.getElementById("choose").addEventListener("change", (event) => {
    if (event.target.files.length) video.src = URL.createObjectURL(event.target.files[0]);
  });

  followers.push(overTime(box, document.getElementById("head"), { origin, seek }));

  const starts = () => [...new Set(runs().map((run) => (run.left - origin) / 1000))].sort((a, b) => a - b);
  keyboard({
    " ": playOrPause,
    ArrowLeft: () => seek(time - STEP_S),
    ArrowRight: () => seek(time + STEP_S),
    ",": () => seek(time - FRAME_S),
    ".": () => seek(time + FRAME_S),
    n: () => seek(starts().find((start) => start > time + 1e-3) ?? time),
    p: () => seek(starts().findLast((start) => start < time - 1e-3) ?? time),
    b: marks.switchOver,
  });

  function fromAddress() {
    const given = /^#t=(\d+(?:\.\d+)?)$/.exec(location.hash);
    if (given) seek(Number(given[1]));
  }
  window.addEventListener("hashchange", fromAddress);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-time]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    seek(Number(link.dataset.time));
  });
  if (video.error || video.networkState === HTMLMediaElement.NETWORK_NO_SOURCE) failed();
  else if (video.readyState > 0) pictures();
  fromAddress();
  place();
  return { place, now: () => time, seek };
}
