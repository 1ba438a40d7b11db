// My page: the key to the pause, and a sound and a notification while the phone rings. The page works without this file.
(() => {
  "use strict";
  const KEPT = "ringback-offer-sound";
  const AGAIN_MS = 3000, TONE_S = 0.18;
  const board = document.getElementById("board");
  const asked = document.getElementById("offer-ask");
  const quiet = document.getElementById("offer-quiet");
  const title = document.title;
  const latest = document.getElementById("latest");
  let audio = null, rung = "", timer = 0, hadCall = false;

  const isOn = () => {
    try { return localStorage.getItem(KEPT) === "1"; } catch { return false; }
  };
  const keep = (is) => {
    try { localStorage.setItem(KEPT, is ? "1" : "0"); } catch { /* a browser that keeps nothing */ }
  };
  const mayNotify = () => "Notification" in window && Notification.permission === "granted";

  // Browsers let a page sound once it was touched.
  const wake = () => {
    if (!isOn()) return;
    audio ??= new AudioContext();
    if (audio.state === "suspended") audio.resume();
  };
  const sound = () => {
    if (audio?.state !== "running") return;
    [660, 880].forEach((hertz, index) => {
      const tone = audio.createOscillator(), volume = audio.createGain();
      const begin = audio.currentTime + index * TONE_S;
      tone.frequency.value = hertz;
      volume.gain.setValueAtTime(0.2, begin);
      volume.gain.exponentialRampToValueAtTime(0.001, begin + TONE_S);
      tone.connect(volume).connect(audio.destination);
      tone.start(begin);
      tone.stop(begin + TONE_S);
    });
  };
  const notify = (offer) => {
    if (!mayNotify() || document.hasFocus()) return;
    const shown = new Notification(offer.dataset.title, { body: offer.dataset.body, tag: offer.dataset.offer });
    shown.addEventListener("click", () => { window.focus(); shown.close(); });
  };
  const look = () => {
    const hasCall = board.querySelector("#call") !== null;
    // A call that is over has a line among the latest.
    if (hadCall && !hasCall) htmx.ajax("GET", latest.dataset.part, { target: "#latest", swap: "innerHTML" });
    hadCall = hasCall;
    const offer = board.querySelector("[data-offer]");
    document.title = offer ? `${offer.dataset.title} · Ringback` : title;
    const now = offer ? offer.dataset.offer : "";
    if (now === rung) return;
    rung = now;
    clearInterval(timer);
    if (!offer || !isOn()) return;
    sound();
    timer = setInterval(sound, AGAIN_MS);
    notify(offer);
  };

  const tell = () => {
    asked.hidden = isOn();
    quiet.hidden = !isOn();
    document.getElementById("offer-off").hidden = isOn();
    document.getElementById("offer-on").hidden = !isOn();
    document.getElementById("offer-denied").hidden = !isOn() || mayNotify();
  };
  asked.addEventListener("click", async () => {
    keep(true);
    wake();
    sound();
    if ("Notification" in window && Notification.permission === "default") await Notification.requestPermission();
    tell();
    quiet.focus();
  });
  quiet.addEventListener("click", () => {
    keep(false);
    clearInterval(timer);
    tell();
    asked.focus();
  });
  document.getElementById("offer").hidden = false;
  for (const each of ["pointerdown", "keydown"]) document.addEventListener(each, wake);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.key !== "b") return;
    if (event.target instanceof Element && event.target.closest("textarea, select, input:not([type=radio])")) return;
    try { if (localStorage.getItem("ringback-keys-off") === "1") return; } catch { /* a browser that keeps nothing */ }
    const to = document.getElementById("resume") ?? document.querySelector("#pause [name=reason]");
    to?.focus();
  });
  board.addEventListener("htmx:sse:after:message", look);
  tell();
  look();
})();
