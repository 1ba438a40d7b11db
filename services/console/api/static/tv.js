// A screen on a wall: its clocks, its stream, and that it comes back by itself after anything.
(() => {
  "use strict";
  const SILENT_MS = 20000; // the server says every five seconds that it is there
  const WAIT_MS = 2000, WAIT_MS_MAX = 15000, RELOAD_MS = 5000;
  const board = document.getElementById("board");
  const live = document.getElementById("tv-live"), lost = document.getElementById("tv-lost");
  const time = document.getElementById("tv-time");
  const { events, zone, version } = board.dataset;
  let offset = 0, heardAt = Date.now(), source = null, wait = WAIT_MS, isLive = false, isReloading = false, isOld = false;

  const clock = (() => {
    const how = { hour: "numeric", minute: "2-digit", second: "2-digit" };
    try { return new Intl.DateTimeFormat(document.documentElement.lang, { ...how, timeZone: zone }); }
    catch { return new Intl.DateTimeFormat(document.documentElement.lang, how); }
  })();
  const running = (ms) => {
    const all = Math.max(0, Math.floor(ms / 1000));
    const two = (number) => String(number).padStart(2, "0");
    const hours = Math.floor(all / 3600), minutes = Math.floor(all % 3600 / 60);
    return hours ? `${hours}:${two(minutes)}:${two(all % 60)}` : `${minutes}:${two(all % 60)}`;
  };
  const tick = () => {
    const now = Date.now() + offset;
    time.textContent = clock.format(now);
    // What was shown last stands still while nobody knows whether it still holds.
    if (!isLive) return;
    for (const each of board.querySelectorAll("[data-up]")) each.textContent = running(now - each.dataset.up);
    for (const each of board.querySelectorAll("[data-down]")) each.textContent = running(each.dataset.down - now);
  };
  const tell = (is) => {
    isLive = is;
    live.hidden = !is;
    lost.hidden = is;
    const said = board.querySelector("[data-shown]");
    lost.querySelector("[data-clock]").textContent = said ? said.dataset.shown : "\u2014";
  };
  // A page of the browser's own, that nothing is there, would stay for ever: reload only what answers.
  const reload = async () => {
    if (isReloading) return;
    isReloading = true;
    try {
      const answer = await fetch(location.pathname, { cache: "no-store" });
      if (answer.ok) return location.reload();
    } catch { /* nobody answers yet */ }
    isReloading = false;
  };
  const take = () => {
    const said = board.querySelector("[data-now]");
    if (!said) return;
    offset = Number(said.dataset.now) - Date.now();
    if (said.dataset.version !== version && !isOld) {
      isOld = true;
      setInterval(reload, RELOAD_MS + Math.random() * RELOAD_MS);
    }
  };
  const hear = () => { heardAt = Date.now(); wait = WAIT_MS; };
  const connect = () => {
    if (source) source.close();
    heardAt = Date.now();
    source = new EventSource(events);
    source.addEventListener("message", (event) => {
      hear();
      board.innerHTML = event.data;
      take();
      tell(true);
      tick();
    });
    source.addEventListener("beat", hear);
    source.addEventListener("reload", reload);
    source.addEventListener("error", () => {
      source.close();
      tell(false);
      setTimeout(connect, wait + Math.random() * 1000);
      wait = Math.min(2 * wait, WAIT_MS_MAX);
    });
  };
  setInterval(() => {
    tick();
    if (source.readyState !== EventSource.CLOSED && Date.now() - heardAt > SILENT_MS) {
      tell(false);
      connect();
    }
  }, 1000);
  const stayAwake = () => {
    if (navigator.wakeLock && !document.hidden) navigator.wakeLock.request("screen").catch(() => undefined);
  };
  document.addEventListener("visibilitychange", stayAwake);
  stayAwake();
  take();
  tick();
  connect();
})();
