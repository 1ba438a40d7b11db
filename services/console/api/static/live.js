// A page that follows the present: its clocks, its connection, and the button that stops it. It can be read without this file.
(() => {
  "use strict";
  const SILENT_MS = 20000, ASK_MS = 10000;
  const board = document.getElementById("board");
  const shown = { live: "wall-live", lost: "wall-lost", stopped: "wall-stopped" };
  const buttons = { stop: document.getElementById("wall-stop"), go: document.getElementById("wall-go") };
  let offset = 0, isConnected = false, isStopped = false, changes = 0, stoppedAt = 0;
  let connection = null, heardAt = Date.now();

  const running = (ms) => {
    const all = Math.max(0, Math.floor(ms / 1000));
    const two = (number) => String(number).padStart(2, "0");
    const hours = Math.floor(all / 3600), minutes = Math.floor(all % 3600 / 60);
    return hours ? `${hours}:${two(minutes)}:${two(all % 60)}` : `${minutes}:${two(all % 60)}`;
  };
  const now = () => isStopped ? stoppedAt : Date.now() + offset;
  const tick = () => {
    for (const each of board.querySelectorAll("[data-up]")) each.textContent = running(now() - each.dataset.up);
    for (const each of board.querySelectorAll("[data-down]")) each.textContent = running(each.dataset.down - now());
  };
  const tell = () => {
    const which = isStopped ? "stopped" : isConnected ? "live" : "lost";
    const clock = board.querySelector("[data-shown]")?.dataset.shown ?? "—";
    for (const [name, id] of Object.entries(shown)) {
      const line = document.getElementById(id);
      line.hidden = name !== which;
      line.querySelector("[data-clock]").textContent = clock;
    }
    document.querySelector("#wall-stopped [data-changes]").textContent = changes;
    buttons.stop.hidden = isStopped;
    buttons.go.hidden = !isStopped;
  };
  const take = () => {
    const said = board.querySelector("[data-now]");
    if (said) offset = Number(said.dataset.now) - Date.now();
    tick();
    tell();
  };
  const connected = (is) => { isConnected = is; tell(); };

  const stop = () => {
    stoppedAt = now();
    isStopped = true;
    changes = 0;
    tell();
    buttons.go.focus();
  };
  const ask = () => htmx.ajax("GET", board.dataset.part, { target: "#board", swap: "innerMorph" });
  const go = async () => {
    await ask();
    isStopped = false;
    take();
    buttons.stop.focus();
  };
  buttons.stop.addEventListener("click", stop);
  buttons.go.addEventListener("click", go);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.key !== "p") return;
    if (event.target instanceof Element && event.target.closest("input, select, textarea")) return;
    try { if (localStorage.getItem("ringback-keys-off") === "1") return; } catch { /* a browser that keeps nothing */ }
    (isStopped ? go : stop)();
  });

  // A proxy that gathers answers, or a wire that is gone without a word, is silent: then the page asks by itself.
  const listen = () => {
    if (isStopped || document.hidden || Date.now() - heardAt < SILENT_MS) return;
    heardAt = Date.now() - SILENT_MS + ASK_MS;
    connected(false);
    connection?.reader?.cancel();
    ask().then(take);
  };
  document.addEventListener("visibilitychange", () => { heardAt = Date.now(); });

  // What answers says nothing yet: the page is live once something has come through.
  board.addEventListener("htmx:sse:after:connection", (event) => { connection = event.detail.connection; });
  board.addEventListener("htmx:sse:before:connection", (event) => {
    if (event.detail.connection.attempt > 0) connected(false);
  });
  board.addEventListener("htmx:sse:error", () => connected(false));
  board.addEventListener("htmx:sse:before:message", (event) => {
    heardAt = Date.now();
    if (!isConnected) connected(true);
    if (event.detail.message.event || !isStopped) return;
    changes += 1;
    event.preventDefault();
    tell();
  });
  board.addEventListener("htmx:sse:after:message", () => { if (!isStopped) take(); });
  board.addEventListener("reload", () => location.reload());
  setInterval(() => { tick(); listen(); }, 1000);
  take();
})();
