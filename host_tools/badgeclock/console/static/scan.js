// Reads a code with the phone's camera into the form: a Limosa declaration's QR code, or a badge's bar code. What reads it is
// fetched when the camera is asked for. Without a script or a camera the number is typed, or a scanner types it.
(() => {
  "use strict";
  const LOOK_MS = 150;
  const WIDE = 960;
  const button = document.getElementById("scan");
  const video = document.getElementById("camera");
  const number = document.getElementById("number");
  const worker = document.querySelector("form [name=worker]");
  if (!button || !video || !number || !navigator.mediaDevices) return;
  const said = document.getElementById("scan-said");
  let stream = null;

  const fetched = () => new Promise((resolve, reject) => {
    if (window.ZXing) return resolve();
    const script = document.createElement("script");
    script.src = button.dataset.reader;
    script.onload = resolve;
    script.onerror = reject;
    document.body.append(script);
  });
  const end = () => {
    for (const track of stream ? stream.getTracks() : []) track.stop();
    stream = null;
    video.hidden = true;
    video.srcObject = null;
  };
  // The number in what a code says: the L1's code is an address or a list of words with the Limosa number among them.
  const numberIn = (text) => (text.match(/\d{15,20}/) || text.match(/\d{11}/) || [text.trim()])[0];
  const take = (text) => {
    const isKnown = worker && [...(worker.options || [])].some((option) => option.value === text.trim());
    if (isKnown) worker.value = text.trim();
    else {
      number.closest("details").open = true;
      number.value = numberIn(text);
    }
    (isKnown ? worker : number).focus();
    said.textContent = button.dataset.done;
  };
  const look = (reader, canvas) => {
    if (!stream) return;
    if (video.videoWidth) {
      const scale = Math.min(1, WIDE / video.videoWidth);
      canvas.width = video.videoWidth * scale;
      canvas.height = video.videoHeight * scale;
      canvas.getContext("2d", { willReadFrequently: true }).drawImage(video, 0, 0, canvas.width, canvas.height);
      try {
        const source = new ZXing.HTMLCanvasElementLuminanceSource(canvas);
        const text = reader.decodeWithState(new ZXing.BinaryBitmap(new ZXing.HybridBinarizer(source))).getText();
        end();
        return take(text);
      } catch (error) {
        if (!(error instanceof ZXing.NotFoundException || error instanceof ZXing.ChecksumException || error instanceof ZXing.FormatException)) throw error;
      }
    }
    setTimeout(look, LOOK_MS, reader, canvas);
  };
  button.addEventListener("click", async () => {
    if (stream) return end();
    said.textContent = "";
    try {
      await fetched();
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch (error) {
      said.textContent = button.dataset.none;
      return;
    }
    video.srcObject = stream;
    video.hidden = false;
    await video.play();
    const reader = new ZXing.MultiFormatReader();
    reader.setHints(new Map([[ZXing.DecodeHintType.TRY_HARDER, true]]));
    look(reader, document.createElement("canvas"));
  });
  button.hidden = false;
})();
