// What the page itself cannot say without a script: when it last heard from the console. Everything else works without.
(() => {
  "use strict";
  const LOST_MS = 40000;
  const heard = document.getElementById("heard");
  const stream = document.getElementById("stream");
  if (!heard || !stream) return;
  let last = Date.now();
  const show = () => {
    const isLost = Date.now() - last > LOST_MS;
    const time = new Date(last).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
    heard.textContent = (isLost ? heard.dataset.lost : heard.dataset.heard) + " " + time;
    heard.classList.toggle("lost", isLost);
    heard.hidden = false;
  };
  for (const event of ["changed", "beat"]) {
    stream.addEventListener(event, () => {
      last = Date.now();
      show();
    });
  }
  setInterval(show, 5000);
})();
