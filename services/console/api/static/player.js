// Players: play, position, speed and keys. Without this file each is the browser's own.
(() => {
  "use strict";
  const STEP_S = 5;
  const running = (s) => {
    const all = Math.max(0, Math.floor(s)), two = (number) => String(number).padStart(2, "0");
    const hours = Math.floor(all / 3600), minutes = Math.floor(all % 3600 / 60);
    return hours ? `${hours}:${two(minutes)}:${two(all % 60)}` : `${minutes}:${two(all % 60)}`;
  };

  const take = (player) => {
    const audio = player.querySelector("audio"), own = player.querySelector(".player-own");
    if (!own.hidden) return;
    const play = own.querySelector("[data-play]"), range = own.querySelector("[type=range]");
    const speed = own.querySelector("select"), at = own.querySelector("[data-at]");
    const [toPlay, toPause] = play.children;
    const whole = () => Number.isFinite(audio.duration) ? audio.duration : Number(player.dataset.length);
    const tell = () => {
      range.max = whole();
      range.value = audio.currentTime;
      at.textContent = running(audio.currentTime);
      range.setAttribute("aria-valuetext", `${running(audio.currentTime)} / ${running(whole())}`);
      toPlay.hidden = !audio.paused;
      toPause.hidden = audio.paused;
      play.setAttribute("aria-pressed", String(!audio.paused));
    };
    const toggle = () => { if (audio.paused) audio.play().catch(() => {}); else audio.pause(); };
    const seek = (s) => { audio.currentTime = Math.min(Math.max(0, s), Math.max(0, whole() - 0.1)); tell(); };
    const faster = (by) => {
      speed.selectedIndex = Math.min(Math.max(0, speed.selectedIndex + by), speed.options.length - 1);
      audio.playbackRate = Number(speed.value);
    };

    play.addEventListener("click", toggle);
    range.addEventListener("input", () => seek(Number(range.value)));
    speed.addEventListener("change", () => faster(0));
    for (const each of ["timeupdate", "play", "pause", "ended", "loadedmetadata", "seeked"]) {
      audio.addEventListener(each, tell);
    }
    audio.addEventListener("play", () => {
      player.querySelector(".error").hidden = true;
      for (const other of document.querySelectorAll(".player audio")) if (other !== audio) other.pause();
    });
    audio.addEventListener("error", () => { player.querySelector(".error").hidden = false; });
    player.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const isChoosing = event.target === speed;
      const done = {
        " ": () => toggle(),
        ArrowLeft: () => seek(audio.currentTime - STEP_S),
        ArrowRight: () => seek(audio.currentTime + STEP_S),
        "<": () => faster(-1),
        ">": () => faster(1),
      }[event.key];
      // The button and the list have keys of their own, which do what people expect of them.
      const isTheirs = event.key === " " ? isChoosing || event.target.closest("button, a") : isChoosing && event.key.startsWith("Arrow");
      if (!done || isTheirs) return;
      event.preventDefault();
      done();
    });
    audio.controls = false;
    audio.hidden = true;
    own.hidden = false;
    tell();
  };

  const takeAll = () => { for (const each of document.querySelectorAll(".player")) take(each); };
  takeAll();
  document.addEventListener("htmx:after:swap", takeAll);
})();
