"use strict";
// The map's own script. It reads what lies in the page, asks nothing of anybody, and writes names as text only. A page
// that is live sets `vecclustLive` before: addresses of pictures and pages, and who asks for a photo's nearest.
(() => {
  const $ = (id) => document.getElementById(id);
  const facts = JSON.parse($("facts").textContent);
  const unpacked = (id) => {
    const text = atob($(id).textContent);
    const out = new Uint8Array(text.length);
    for (let at = 0; at < text.length; at++) out[at] = text.charCodeAt(at);
    return out.buffer;
  };
  const positions = new Float32Array(unpacked("positions"));
  // The map takes the shape of the room it is opened in: neither axis means anything by itself.
  const shape = Math.min(1.5, Math.max(0.5, $("stage").clientWidth / $("stage").clientHeight));
  for (let at = 0; at < positions.length; at += 2) positions[at] *= shape;
  const labels = new Int16Array(unpacked("labels"));
  const strengths = new Uint8Array(unpacked("strengths"));
  const times = new Int32Array(unpacked("times"));
  const neighbours = new Int32Array(unpacked("neighbours"));
  const live = globalThis.vecclustLive || null, hashes = live ? new Uint8Array(unpacked("photos")) : null;
  const n = labels.length, k = facts.neighbours, clusters = facts.clusters;
  const NO_TIME = -2147483648;
  const dark = matchMedia("(prefers-color-scheme: dark)"), calm = matchMedia("(prefers-reduced-motion: reduce)");
  const stage = $("stage"), dots = $("dots"), ring = $("ring"), panel = $("panel"), card = $("card");
  const pen = dots.getContext("2d", { alpha: false }), ringPen = ring.getContext("2d");

  // Rows by cluster, strongest first; the unclustered last.
  const members = clusters.map(() => []), loose = [];
  for (let row = 0; row < n; row++) (labels[row] < 0 ? loose : members[labels[row]]).push(row);
  for (const rows of members) rows.sort((a, b) => strengths[b] - strengths[a] || a - b);

  const element = (tag, options = {}, ...inside) => {
    const made = Object.assign(document.createElement(tag), options);
    made.append(...inside);
    return made;
  };
  const colour = (label) => (label < 0 ? noiseColour : dark.matches ? clusters[label].dark : clusters[label].light);
  let noiseColour = "", pageColour = "", inkColour = "";
  const dotOf = (label) => {
    const dot = element("span", { className: "dot" });
    dot.style.background = colour(label);
    dot.setAttribute("aria-hidden", "true");
    return dot;
  };
  const twoDigits = (number) => String(number).padStart(2, "0");
  const hashOf = (row) =>
    Array.from(hashes.subarray(32 * row, 32 * row + 32), (byte) => byte.toString(16).padStart(2, "0")).join("");
  let rowByHash = null;
  const rowsOf = (wanted) => {
    if (!rowByHash) rowByHash = new Map(Array.from({ length: n }, (_, row) => [hashOf(row), row]));
    return wanted.filter((hash) => rowByHash.has(hash)).map((hash) => rowByHash.get(hash));
  };
  const timeOf = (row) => {
    if (times[row] === NO_TIME) return "";
    const when = new Date(times[row] * 60000);
    return `${when.getUTCFullYear()}-${twoDigits(when.getUTCMonth() + 1)}-${twoDigits(when.getUTCDate())}` +
      ` ${twoDigits(when.getUTCHours())}:${twoDigits(when.getUTCMinutes())}`;
  };
  const nameOf = (row) => (facts.names && facts.names[row] ? facts.names[row][1] : "");
  const addressOf = (row) => {
    const named = facts.names && facts.names[row];
    return named ? `${facts.folders[named[0]]}/${named[2] || named[1]}` : "";
  };
  const titleOf = (row) => nameOf(row) || timeOf(row) || "Photo";
  const factsOf = (row) =>
    [timeOf(row), labels[row] < 0 ? "" : `strength ${(strengths[row] / 100).toFixed(2)}`].filter(Boolean);
  const clusterTitle = (label) => (label < 0 ? "Unclustered" : clusters[label].title);
  // A name that is only proposed is lighter than the owner's, and says so.
  const PROPOSED = "proposed by vecclust, not yet yours";
  const isProposed = (label) => label >= 0 && clusters[label].proposed;
  const spokenTitle = (label) => clusterTitle(label) + (isProposed(label) ? `, ${PROPOSED}` : "");
  // A word of another language than the page's says which, so that it is read aloud as such.
  const worded = (lang, text) => lang ? element("span", { lang, textContent: text }) : text;
  const namedOf = (label) => isProposed(label)
    ? element("span", { className: "clip proposed", title: PROPOSED[0].toUpperCase() + PROPOSED.slice(1) },
        "~\u00a0", worded(clusters[label].nameLanguage, clusterTitle(label)))
    : element("span", { className: "clip", textContent: clusterTitle(label) });
  const saidTags = (label) => label < 0 ? "" : worded(clusters[label].tagsLanguage, clusters[label].tags.join(", "));
  const tagsOf = (label, className) => label >= 0 && clusters[label].tags.length
    ? [element("p", { className }, saidTags(label))] : [];

  // Pictures: cells of sheets, each decoded when it is first wanted.
  const sheets = new Map();
  // Of those beside the page, so many are kept: decoded they take 6 MB each.
  const MOST_SHEETS = 64;
  const withoutPictures = () => {
    if (live || !facts.cell) return;
    facts.cell = 0;
    shownThumbs = [];
    document.querySelector("main").append(element("p", { className: "lost", role: "status",
      textContent: "The folder of pictures that was written beside this page is not there, or is that of another map." }));
    hovered = -1;
    ask();
  };
  const sheetOf = (kind, number, then) => {
    const id = `${kind}-${number}`;
    let sheet = sheets.get(id);
    if (!sheet) {
      const source = $(id), beside = kind === "sheet" && facts.sheets;
      if (!source && !beside) return null;
      sheet = { picture: new Image(), ready: false, waiting: [] };
      sheets.set(id, sheet);
      if (sheets.size > MOST_SHEETS) sheets.delete([...sheets.keys()].find((one) => one.startsWith("sheet")));
      sheet.picture.onload = () => {
        sheet.ready = true;
        sheet.waiting.splice(0).forEach((one) => one());
      };
      if (beside) sheet.picture.onerror = () => withoutPictures();
      sheet.picture.src = beside ? `${facts.sheets}${number}.webp` : "data:image/webp;base64," + source.textContent;
    }
    if (!sheet.ready && then) sheet.waiting.push(then);
    return sheet.ready ? sheet.picture : null;
  };
  const cellOf = (kind, number, side, then) => {
    const picture = sheetOf(kind, Math.floor(number / facts.perSheet), then);
    if (!picture) return null;
    const at = number % facts.perSheet;
    return [picture, (at % facts.columns) * side, Math.floor(at / facts.columns) * side, side, side];
  };
  const coverNumber = new Map(clusters.map((cluster, number) => [cluster.row, number]));
  // Gives a picture of a row, or null where the page holds none.
  const pictureOf = (row) => {
    if (live) return element("img", { src: live.thumbnail(hashOf(row)), alt: "", decoding: "async" });
    const kind = facts.cell ? "sheet" : "cover";
    const number = facts.cell ? row : coverNumber.get(row);
    if (number === undefined) return null;
    const side = facts.cell || facts.cover;
    const canvas = element("canvas", { width: side, height: side });
    canvas.setAttribute("aria-hidden", "true");
    const paint = () => {
      const cell = cellOf(kind, number, side, paint);
      if (cell) canvas.getContext("2d").drawImage(...cell, 0, 0, side, side);
    };
    paint();
    return canvas;
  };

  // The view: screen = (position - centre) * scale + middle.
  let width = 0, height = 0, ratio = 1, fitScale = 1;
  const view = { x: 0.5, y: 0.5, scale: 1 };
  let chosen = -1, hovered = -1, opened = -1, matching = null, shownThumbs = [], byKeys = false;
  const screenX = (row) => (positions[2 * row] - view.x) * view.scale + width / 2;
  const screenY = (row) => (positions[2 * row + 1] - view.y) * view.scale + height / 2;
  const boundsOf = (rows) => {
    let left = Infinity, right = -Infinity, top = Infinity, bottom = -Infinity;
    for (const row of rows) {
      left = Math.min(left, positions[2 * row]); right = Math.max(right, positions[2 * row]);
      top = Math.min(top, positions[2 * row + 1]); bottom = Math.max(bottom, positions[2 * row + 1]);
    }
    return rows.length ? { left, right, top, bottom } : { left: 0.5, right: 0.5, top: 0.5, bottom: 0.5 };
  };
  const everything = boundsOf(Array.from({ length: n }, (_, row) => row));
  // A part of the stage at its right or at its foot may be covered by the panel.
  const fitting = (bounds, most, coveredX = 0, coveredY = 0) => {
    const seenX = width - coveredX, seenY = height - coveredY;
    const roomX = Math.max(80, seenX - Math.min(150, seenX * 0.2)), roomY = Math.max(80, seenY - Math.min(150, seenY * 0.4));
    const across = Math.max(bounds.right - bounds.left, 1e-6), down = Math.max(bounds.bottom - bounds.top, 1e-6);
    const scale = Math.min(roomX / across, roomY / down, most);
    return {
      x: (bounds.left + bounds.right) / 2 + coveredX / 2 / scale, y: (bounds.top + bounds.bottom) / 2 + coveredY / 2 / scale,
      scale,
    };
  };
  const allInView = () => fitting(everything, 4 * Math.max(width, height));
  const mostScale = () => fitScale * 60;

  let frame = 0, flight = 0, rest = 0, moving = false;
  const ask = () => { if (!frame) frame = requestAnimationFrame(draw); };
  const moved = () => {
    moving = true;
    ask();
    clearTimeout(rest);
    rest = setTimeout(atRest, 140);
  };
  const stopFlight = () => { cancelAnimationFrame(flight); flight = 0; };
  const flyTo = (target) => {
    stopFlight();
    if (calm.matches) { Object.assign(view, target); moved(); return; }
    const from = { ...view }, began = performance.now();
    const step = (now) => {
      const part = Math.min(1, Math.max(0, (now - began) / 420)), ease = 1 - (1 - part) ** 3;
      view.scale = from.scale * (target.scale / from.scale) ** ease;
      view.x = from.x + (target.x - from.x) * ease;
      view.y = from.y + (target.y - from.y) * ease;
      moved();
      flight = part < 1 ? requestAnimationFrame(step) : 0;
    };
    flight = requestAnimationFrame(step);
  };
  const zoomAt = (x, y, factor) => {
    stopFlight();
    const scale = Math.min(mostScale(), Math.max(fitScale * 0.5, view.scale * factor));
    view.x += (x - width / 2) * (1 / view.scale - 1 / scale);
    view.y += (y - height / 2) * (1 / view.scale - 1 / scale);
    view.scale = scale;
    moved();
  };
  const pan = (dx, dy) => {
    stopFlight();
    const within = (value, low, high) => Math.min(high, Math.max(low, value));
    view.x = within(view.x - dx / view.scale, everything.left - 0.1, everything.right + 0.1);
    view.y = within(view.y - dy / view.scale, everything.top - 0.1, everything.bottom + 0.1);
    moved();
  };

  const isNarrow = () => width <= 700;
  // As large as there is room for: a fifth of the distance between dots, were they spread evenly.
  const radius = () => {
    const base = Math.min(3.1, Math.max(0.9, 0.2 * Math.sqrt(width * height / Math.max(1, n))));
    return Math.min(base * 2.4, Math.max(base, base * (view.scale / fitScale) ** 0.4));
  };
  const isLit = (row) => (matching ? matching.has(row) : chosen < 0 || labels[row] === chosen);
  const isDimming = () => matching !== null || chosen >= 0;

  // Above this many, dots are written as pixels: 200,000 in some 10 ms, where paths take 150. While the map moves, fewer
  // are worth a path: without a GPU 20,000 take 80 ms.
  const MOST_ROUND = 30000, MOST_ROUND_MOVING = 3000;
  let pixels = null;
  const packedColour = (css) => {
    const number = parseInt(css.slice(1), 16);
    return (255 << 24) | ((number & 255) << 16) | (number & 0xff00) | (number >> 16);
  };
  const mixed = (one, other, part) => "#" + [1, 3, 5].map((at) =>
    Math.round(parseInt(one.slice(at, at + 2), 16) * part + parseInt(other.slice(at, at + 2), 16) * (1 - part))
      .toString(16).padStart(2, "0")).join("");

  const drawRound = () => {
    const r = radius();
    const batch = (rows, label, lit) => {
      pen.fillStyle = lit ? colour(label) : mixed(colour(label), pageColour, 0.22);
      pen.beginPath();
      const size = label < 0 ? r * 0.75 : r;
      for (const row of rows) {
        if (isDimming() && isLit(row) !== lit) continue;
        const x = screenX(row), y = screenY(row);
        if (x < -9 || y < -9 || x > width + 9 || y > height + 9) continue;
        pen.moveTo(x + size, y);
        pen.arc(x, y, size, 0, 6.2832);
      }
      pen.fill();
    };
    for (const lit of isDimming() ? [false, true] : [true]) {
      batch(loose, -1, lit);
      for (let label = clusters.length - 1; label >= 0; label--) batch(members[label], label, lit);
    }
  };
  const drawPixels = () => {
    const wide = dots.width, tall = dots.height;
    if (!pixels || pixels.width !== wide || pixels.height !== tall) pixels = pen.createImageData(wide, tall);
    const out = new Uint32Array(pixels.data.buffer), back = packedColour(pageColour);
    out.fill(back);
    const size = Math.max(1, Math.round(radius() * 1.7 * ratio)), half = size >> 1;
    const plain = clusters.map((_, label) => packedColour(colour(label)));
    const dim = clusters.map((_, label) => packedColour(mixed(colour(label), pageColour, 0.22)));
    const plainNoise = packedColour(noiseColour), dimNoise = packedColour(mixed(noiseColour, pageColour, 0.22));
    const scale = view.scale * ratio, offX = wide / 2 - view.x * scale, offY = tall / 2 - view.y * scale;
    for (const lit of isDimming() ? [false, true] : [true]) {
      for (const noise of [true, false]) {
        for (let row = 0; row < n; row++) {
          const label = labels[row];
          if ((label < 0) !== noise || (isDimming() && isLit(row) !== lit)) continue;
          const x = ((positions[2 * row] * scale + offX) | 0) - half, y = ((positions[2 * row + 1] * scale + offY) | 0) - half;
          if (x < 0 || y < 0 || x + size > wide || y + size > tall) continue;
          const paint = noise ? (lit ? plainNoise : dimNoise) : (lit ? plain : dim)[label];
          for (let down = 0; down < size; down++) {
            const start = (y + down) * wide + x;
            // Without its corners a square of a few pixels is a dot.
            const edge = size > 2 && (down === 0 || down === size - 1) ? 1 : 0;
            for (let right = edge; right < size - edge; right++) out[start + right] = paint;
          }
        }
      }
    }
    pen.putImageData(pixels, 0, 0);
  };
  const thumbSide = () => Math.min(60, Math.max(26, 24 * Math.sqrt(view.scale / fitScale)));
  const drawThumbs = () => {
    const side = thumbSide();
    for (const row of shownThumbs) {
      const x = screenX(row) - side / 2, y = screenY(row) - side / 2;
      if (x < -side || y < -side || x > width || y > height) continue;
      const cell = cellOf("sheet", row, facts.cell, ask);
      pen.globalAlpha = isLit(row) ? 1 : 0.25;
      pen.fillStyle = colour(labels[row]);
      pen.beginPath();
      pen.roundRect(x - 2, y - 2, side + 4, side + 4, 7);
      pen.fill();
      if (cell) {
        pen.save();
        pen.beginPath();
        pen.roundRect(x, y, side, side, 5);
        pen.clip();
        pen.drawImage(...cell, x, y, side, side);
        pen.restore();
      }
    }
    pen.globalAlpha = 1;
  };
  const draw = () => {
    frame = 0;
    if (n > (moving ? MOST_ROUND_MOVING : MOST_ROUND)) {
      drawPixels();
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    } else {
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      pen.fillStyle = pageColour;
      pen.fillRect(0, 0, width, height);
      drawRound();
    }
    drawThumbs();
    placeLandmarks();
    drawRing();
  };
  const drawRing = () => {
    ringPen.setTransform(ratio, 0, 0, ratio, 0, 0);
    ringPen.clearRect(0, 0, width, height);
    for (const row of new Set([opened, hovered])) {
      if (row < 0) continue;
      const size = (shownThumbs.includes(row) ? thumbSide() * 0.62 : radius()) + 4;
      ringPen.lineWidth = 2.5;
      ringPen.strokeStyle = inkColour;
      ringPen.beginPath();
      ringPen.arc(screenX(row), screenY(row), size, 0, 6.2832);
      ringPen.stroke();
    }
    if (byKeys && document.activeElement === stage) {
      ringPen.strokeStyle = inkColour;
      ringPen.lineWidth = 1;
      ringPen.beginPath();
      ringPen.moveTo(width / 2 - 9, height / 2); ringPen.lineTo(width / 2 + 9, height / 2);
      ringPen.moveTo(width / 2, height / 2 - 9); ringPen.lineTo(width / 2, height / 2 + 9);
      ringPen.stroke();
    }
  };
  // Pictures among the dots, once the map is near enough and stands still: few enough to stay quick.
  const MOST_THUMBS = 350;
  const FEW = 600;
  const atRest = () => {
    moving = false;
    shownThumbs = [];
    if (facts.cell && (n <= FEW || view.scale > fitScale * 1.6)) {
      // On a phone with room between them, or nothing would be seen of the dots.
      const side = isNarrow() ? thumbSide() * 1.6 : thumbSide() + 5, drawn = new Map();
      const covered = (x, y) => placedBoxes.some((box) =>
        x + side / 2 > box[0] && x - side / 2 < box[2] && y + side / 2 > box[1] && y - side / 2 < box[3]);
      const free = (x, y, column, line) => {
        for (let dx = -1; dx <= 1; dx++) {
          for (let dy = -1; dy <= 1; dy++) {
            const other = drawn.get((column + dx) * 4096 + line + dy);
            if (other && Math.abs(other[0] - x) < side && Math.abs(other[1] - y) < side) return false;
          }
        }
        return true;
      };
      for (let row = 0; row < n && shownThumbs.length < MOST_THUMBS; row++) {
        const x = screenX(row), y = screenY(row);
        if (x < 0 || y < 0 || x > width || y > height || !isLit(row)) continue;
        const column = Math.floor(x / side), line = Math.floor(y / side);
        if (!free(x, y, column, line) || covered(x, y)) continue;
        drawn.set(column * 4096 + line, [x, y]);
        shownThumbs.push(row);
      }
    }
    ask();
    if (byKeys && document.activeElement === stage) hover(nearest(width / 2, height / 2, 60), width / 2, height / 2);
  };

  // Landmarks: real buttons, the largest cluster first; one that finds no room shows its plate only, or waits for a
  // nearer view.
  let placedBoxes = [];
  const landmarks = clusters.map((cluster, label) => {
    const picture = element("canvas", { width: facts.cover, height: facts.cover });
    const paint = () => {
      const cell = cellOf("cover", label, facts.cover, paint);
      if (cell) picture.getContext("2d").drawImage(...cell, 0, 0, facts.cover, facts.cover);
    };
    paint();
    const plate = element("span", { className: "plate" },
      element("span", { className: "dot" }), namedOf(label),
      element("span", { className: "n", textContent: cluster.size.toLocaleString("en") }));
    const button = element("button", { type: "button", className: "landmark" }, picture, plate);
    button.setAttribute("aria-label", `${spokenTitle(label)}, ${cluster.size} photos`);
    button.setAttribute("aria-pressed", "false");
    button.onclick = () => choose(label === chosen && opened < 0 ? -1 : label);
    button.onfocus = () => { if (button.matches(":focus-visible")) keepInView(cluster.row); };
    button.onwheel = (event) => wheel(event);
    $("landmarks").append(button);
    return { button, plate, row: cluster.row, label, wide: 0, picture: 46 };
  });
  const measure = () => {
    for (const mark of landmarks) {
      mark.button.hidden = false;
      mark.button.className = "landmark";
    }
    for (const mark of landmarks) {
      mark.wide = mark.plate.offsetWidth;
      mark.tall = mark.plate.offsetHeight;
      mark.picture = mark.button.firstChild.offsetHeight;
    }
  };
  const placeLandmarks = () => {
    // What lies under the buttons cannot be read.
    placedBoxes = [[width - 76, height - 150, width, height]];
    // On a phone apart from one another, with their picture or not at all, so that the map is seen between them.
    const apart = isNarrow() ? 9 : 2;
    const free = (box) => placedBoxes.every((other) =>
      box[2] < other[0] || box[0] > other[2] || box[3] < other[1] || box[1] > other[3]);
    const order = chosen < 0 ? landmarks : [landmarks[chosen], ...landmarks.filter((mark) => mark.label !== chosen)];
    for (const mark of order) {
      const half = Math.max(mark.wide, mark.picture) / 2, button = mark.button, y = screenY(mark.row);
      let x = screenX(mark.row);
      const held = document.activeElement === button || mark.label === chosen;
      const around = isNarrow() ? 0 : 60, near = x > -around && y > -around && x < width + around && y < height + around;
      // At the edge a name moves in, rather than being cut.
      if (x > 0 && x < width) x = Math.min(width - half - 4, Math.max(half + 4, x));
      const left = x - half - apart, right = x + half + apart;
      const whole = [left, y - mark.picture / 2 - apart, right, y + mark.picture / 2 + mark.tall + 3 + apart];
      const bare = [left, y - mark.tall / 2 - apart, right, y + mark.tall / 2 + apart];
      const fits = near && (free(whole) ? whole : !isNarrow() && free(bare) ? bare : held ? whole : null);
      button.hidden = !fits;
      if (!fits) continue;
      placedBoxes.push(fits);
      const wide = Math.max(mark.wide, fits === bare ? 0 : mark.picture);
      button.className = "landmark" + (fits === bare ? " bare" : "") + (chosen >= 0 && mark.label !== chosen ? " away" : "");
      button.style.transform = `translate(${Math.round(x - wide / 2)}px, ${Math.round(fits[1] + apart)}px)`;
    }
  };
  const keepInView = (row) => {
    const x = screenX(row), y = screenY(row);
    if (x < 40 || y < 40 || x > width - 40 || y > height - 60) {
      flyTo({ x: positions[2 * row], y: positions[2 * row + 1], scale: view.scale });
    }
  };

  // Hovering.
  // Of a photo that is looked at longer than it takes to pass over it, a live page asks for its own words. Until they
  // come, and where there are none, those of its cluster stand in their place.
  const DWELL_MS = 150;
  const wordsOf = new Map();
  let dwell = 0;
  const showWords = (row) => {
    const line = card.querySelector(".tags"), words = wordsOf.get(row);
    if (line && words?.length && hovered === row) line.textContent = words.join(", ");
  };
  const askWords = (row) => {
    clearTimeout(dwell);
    if (!live || row < 0) return;
    if (wordsOf.has(row)) { showWords(row); return; }
    dwell = setTimeout(async () => {
      wordsOf.set(row, await live.words(hashOf(row)).catch(() => []));
      showWords(row);
    }, DWELL_MS);
  };
  const nearest = (x, y, reach) => {
    const side = thumbSide() / 2;
    for (const row of shownThumbs) {
      if (Math.abs(screenX(row) - x) <= side && Math.abs(screenY(row) - y) <= side) return row;
    }
    let best = -1, least = reach * reach;
    for (let row = 0; row < n; row++) {
      const dx = screenX(row) - x, dy = screenY(row) - y, far = dx * dx + dy * dy;
      if (far < least && isLit(row)) { least = far; best = row; }
    }
    return best;
  };
  const hover = (row, x, y) => {
    stage.classList.toggle("over", row >= 0);
    if (row !== hovered) {
      hovered = row;
      card.replaceChildren();
      if (row >= 0) {
        const picture = pictureOf(row);
        if (picture) card.append(picture);
        card.append(element("div", {},
          nameOf(row) ? element("p", { className: "name clip", textContent: nameOf(row) }) : "",
          element("p", { className: "who" }, dotOf(labels[row]), namedOf(labels[row])),
          ...(live ? [element("p", { className: "tags soft clip" }, saidTags(labels[row]))]
            : tagsOf(labels[row], "tags soft clip")),
          element("p", { className: "soft", textContent: factsOf(row).join(" · ") })));
        card.dataset.row = row;
      }
      card.hidden = row < 0;
      askWords(row);
      drawRing();
    }
    if (row >= 0) {
      const wide = card.offsetWidth, tall = card.offsetHeight;
      const left = x + 18 + wide > width ? x - wide - 18 : x + 18;
      const top = Math.min(Math.max(8, y - tall / 2), Math.max(8, height - tall - 8));
      card.style.transform = `translate(${Math.max(8, left)}px, ${top}px)`;
    }
  };

  // The panel.
  let cameFrom = null;
  const showPanel = (...inside) => {
    if (panel.hidden) cameFrom = document.activeElement;
    const close = element("button", { type: "button", className: "close", textContent: "✕" });
    close.setAttribute("aria-label", "Close");
    close.onclick = () => closePanel();
    panel.replaceChildren(...inside, close);
    panel.hidden = false;
    panel.scrollTop = 0;
    panel.focus({ preventScroll: true });
    hover(-1);
  };
  const closePanel = () => {
    panel.hidden = true;
    opened = -1;
    chosen = -1;
    pressed();
    moved();
    (cameFrom && cameFrom.isConnected && !cameFrom.hidden ? cameFrom : stage).focus({ preventScroll: true });
  };
  const fewPhotos = (rows) => element("ul", { className: "few" }, ...rows.map((row) => {
    const button = element("button", { type: "button", title: titleOf(row) },
      pictureOf(row) || element("span", { className: "words", textContent: titleOf(row) }));
    button.setAttribute("aria-label", titleOf(row));
    button.dataset.row = row;
    button.onclick = () => openPhoto(row);
    return element("li", {}, button);
  }));
  // The page of a cluster: of the server, or of the gallery beside this map where one was found.
  const toGallery = document.querySelector(".to-sibling:not([hidden])");
  const pageOf = (id) =>
    live ? live.cluster(id) : toGallery ? toGallery.getAttribute("href").replace(/index\.html$/, `${id}.html`) : "";
  const chipOf = (label) => {
    const chip = element("button", { type: "button", className: "chip" }, dotOf(label), namedOf(label));
    chip.onclick = () => choose(label);
    return label < 0 ? element("p", { className: "who soft" }, dotOf(label), "Unclustered") : chip;
  };
  const openPhoto = (row) => {
    if (row < 0) return;
    opened = row;
    panel.dataset.row = row;
    const big = element("div", { className: "big" });
    const small = pictureOf(row), address = addressOf(row);
    if (small) big.append(small);
    // The original, where this is its own computer; formats that the browser cannot show keep the small picture.
    const whole = live ? live.original(hashOf(row)) : address && location.protocol === "file:" ? address : "";
    if (whole) {
      const picture = element("img", { alt: "", decoding: "async" });
      picture.onload = () => { big.classList.add("whole"); big.append(picture); };
      picture.src = whole;
    }
    const original = element("p", {});
    if (live) original.append(element("a", { href: live.photo(hashOf(row)), textContent: "Open its page" }));
    else if (address) original.append(element("a", { href: address, textContent: "Open the original" }));
    const near = Array.from(neighbours.subarray(row * k, row * k + k));
    const alike = element("div", {});
    const showAlike = (rows) => {
      if (rows.length) alike.append(element("h3", { textContent: "Most alike, nearest first" }), fewPhotos(rows));
    };
    showAlike(near);
    if (live) live.near(hashOf(row)).then((found) => { if (opened === row) showAlike(rowsOf(found)); });
    showPanel(element("h2", { textContent: titleOf(row) }), big, chipOf(labels[row]),
      element("p", { className: "facts" }, ...factsOf(row).map((textContent) => element("span", { textContent }))),
      original, alike);
    $("say").textContent = `${titleOf(row)}, ${spokenTitle(labels[row])}`;
    keepInView(row);
    moved();
  };
  const pressed = () => landmarks.forEach((mark) => mark.button.setAttribute("aria-pressed", String(mark.label === chosen)));
  const choose = (label) => {
    if (label < 0) { closePanel(); return; }
    chosen = label;
    opened = -1;
    matching = null;
    pressed();
    const cluster = clusters[label], rows = members[label];
    delete panel.dataset.row;
    showPanel(element("h2", {}, dotOf(label), namedOf(label)), ...tagsOf(label, "tags soft"),
      element("p", { className: "facts" }, element("span", { textContent: `${cluster.size.toLocaleString("en")} photos` }),
        element("span", { textContent: `strength ${cluster.strength.toFixed(2)}` }), element("span", { textContent: cluster.span })),
      ...(pageOf(cluster.id) ? [element("p", {}, element("a", { href: pageOf(cluster.id), textContent: "Open its page" }))] : []),
      element("h3", { textContent: "Strongest first" }), fewPhotos(rows.slice(0, 32)));
    // Beside the panel, not below it.
    flyTo(fitting(coreOf(rows), fitScale * 12, isNarrow() ? 0 : panel.offsetWidth, isNarrow() ? panel.offsetHeight : 0));
    $("say").textContent = `${spokenTitle(label)}, ${cluster.size} photos`;
  };
  // A few strays would shrink a cluster to a spot: its middle 94 in a hundred are what is looked at.
  const coreOf = (rows) => {
    const of = (axis) => Float32Array.from(rows, (row) => positions[2 * row + axis]).sort();
    const xs = of(0), ys = of(1), cut = Math.floor(rows.length * 0.03), last = rows.length - 1 - cut;
    return { left: xs[cut], right: xs[last], top: ys[cut], bottom: ys[last] };
  };
  const step = (by) => {
    if (opened < 0) return;
    const rows = labels[opened] < 0 ? loose : members[labels[opened]];
    openPhoto(rows[(rows.indexOf(opened) + by + rows.length) % rows.length]);
  };

  // Finding.
  const find = $("find"), found = $("found");
  let options = [], current = -1;
  const MOST_PHOTOS = 30;
  const folded = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const search = () => {
    const text = folded(find.value.trim());
    options = clusters.map((_, label) => ({ label }))
      .filter(({ label }) => !text || clusters[label].id === text ||
        [clusters[label].title, ...clusters[label].tags].some((word) => folded(word).includes(text)));
    matching = null;
    let count = 0;
    if (text) {
      const isDate = /^\d{4}(-\d{0,2}(-\d{0,2})?)?$/.test(text), rows = [];
      for (let row = 0; row < n; row++) {
        if ((isDate && timeOf(row).startsWith(text)) || folded(nameOf(row)).includes(text)) rows.push(row);
      }
      count = rows.length;
      const lit = new Set(rows);
      for (const { label } of options) for (const row of members[label]) lit.add(row);
      matching = lit;
      options.push(...rows.slice(0, MOST_PHOTOS).map((row) => ({ row })));
    }
    current = text && options.length ? 0 : -1;
    found.replaceChildren(...options.map((option, at) => {
      const line = element("li", { id: `found-${at}` });
      line.setAttribute("role", "option");
      if (option.row === undefined) {
        line.append(dotOf(option.label), namedOf(option.label),
          element("span", { className: "soft", textContent: clusters[option.label].size.toLocaleString("en") }));
      } else {
        line.append(pictureOf(option.row) || dotOf(labels[option.row]),
          element("span", { className: "clip", textContent: titleOf(option.row) }),
          element("span", { className: "soft", textContent: timeOf(option.row).slice(0, 10) }));
      }
      line.onpointerdown = (event) => { event.preventDefault(); take(at); };
      return line;
    }));
    if (count > MOST_PHOTOS) found.append(element("li", { className: "none", textContent: `and ${(count - MOST_PHOTOS).toLocaleString("en")} more photos, lit on the map` }));
    if (!options.length) found.append(element("li", { className: "none", textContent: n ? "Nothing found" : "Nothing here yet" }));
    mark();
    found.hidden = false;
    find.setAttribute("aria-expanded", "true");
    if (text && view.scale > fitScale * 1.01) flyTo(allInView());
    if (text) $("say").textContent = `${count} photos, ${options.filter((option) => option.row === undefined).length} clusters`;
    moved();
  };
  const mark = () => {
    [...found.children].forEach((line, at) => line.setAttribute("aria-selected", String(at === current)));
    if (current >= 0) {
      find.setAttribute("aria-activedescendant", `found-${current}`);
      found.children[current].scrollIntoView({ block: "nearest" });
    } else find.removeAttribute("aria-activedescendant");
  };
  const closeFound = () => {
    found.hidden = true;
    find.setAttribute("aria-expanded", "false");
    find.removeAttribute("aria-activedescendant");
  };
  const take = (at) => {
    const option = options[at];
    if (!option) return;
    closeFound();
    find.blur();
    cameFrom = stage;
    if (option.row === undefined) { find.value = ""; choose(option.label); return; }
    flyTo({ x: positions[2 * option.row], y: positions[2 * option.row + 1], scale: Math.max(view.scale, fitScale * 3) });
    openPhoto(option.row);
  };
  find.oninput = search;
  find.onfocus = search;
  find.onblur = closeFound;
  find.onkeydown = (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (options.length) current = (current + (event.key === "ArrowDown" ? 1 : current < 0 ? 0 : -1) + options.length) % options.length;
      mark();
    } else if (event.key === "Enter") {
      event.preventDefault();
      take(Math.max(0, current));
    } else if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      find.value = "";
      matching = null;
      closeFound();
      stage.focus({ preventScroll: true });
      moved();
    }
  };

  // Keys, pointer, wheel.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target === find) return;
    const onStage = event.target === stage, arrows = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    byKeys = true;
    const acts = () => {
      if (event.key === "/") find.focus();
      else if (event.key === "Escape") {
        matching = null;
        find.value = "";
        hover(-1);
        if (panel.hidden) { chosen = -1; moved(); } else closePanel();
      } else if (event.key === "+" || event.key === "=") zoomAt(width / 2, height / 2, 1.35);
      else if (event.key === "-") zoomAt(width / 2, height / 2, 1 / 1.35);
      else if (event.key === "0") flyTo(allInView());
      else if (event.key === "n" || event.key === "N") step(1);
      else if (event.key === "p" || event.key === "P") step(-1);
      else if (arrows[event.key] && !panel.contains(event.target)) pan(80 * arrows[event.key][0], 80 * arrows[event.key][1]);
      else if (event.key === "Enter" && onStage && !event.repeat) openPhoto(nearest(width / 2, height / 2, 80));
      else return false;
      return true;
    };
    if (acts()) event.preventDefault();
  });
  const pointers = new Map();
  let travelled = 0;
  const at = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  // The landmarks lie on the stage: a finger that begins on one moves the map all the same, and does not press it then.
  const board = $("landmarks");
  const press = (event) => {
    if (event.button > 0) return;
    byKeys = false;
    if (event.currentTarget === stage) stage.setPointerCapture(event.pointerId);
    if (!pointers.size) travelled = 0;
    pointers.set(event.pointerId, at(event));
    stopFlight();
  };
  const drag = (event) => {
    const here = at(event), before = pointers.get(event.pointerId);
    if (!before) {
      byKeys = false;
      if (event.pointerType !== "touch") hover(nearest(...here, 12), ...here);
      return;
    }
    if (pointers.size === 2) {
      const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
      const was = Math.hypot(before[0] - other[0], before[1] - other[1]), is = Math.hypot(here[0] - other[0], here[1] - other[1]);
      if (was > 0) zoomAt((here[0] + other[0]) / 2, (here[1] + other[1]) / 2, is / was);
      pan((here[0] - before[0]) / 2, (here[1] - before[1]) / 2);
      travelled = 99;
    } else {
      travelled += Math.hypot(here[0] - before[0], here[1] - before[1]);
      if (travelled > 4) {
        stage.setPointerCapture(event.pointerId);
        stage.classList.add("moving");
        hover(-1);
        pan(here[0] - before[0], here[1] - before[1]);
      }
    }
    pointers.set(event.pointerId, here);
  };
  const release = (event) => {
    if (!pointers.delete(event.pointerId)) return;
    stage.classList.remove("moving");
    if (event.type === "pointerup" && event.currentTarget === stage && travelled <= 4 && !pointers.size) {
      const row = nearest(...at(event), event.pointerType === "touch" ? 22 : 12);
      if (row >= 0) openPhoto(row); else if (!panel.hidden) closePanel();
    }
  };
  for (const surface of [stage, board]) {
    surface.onpointerdown = press;
    surface.onpointermove = drag;
    surface.onpointerup = release;
    surface.onpointercancel = release;
  }
  board.addEventListener("click", (event) => { if (travelled > 4 && event.detail) event.stopPropagation(); }, true);
  stage.onpointerleave = () => hover(-1);
  stage.ondblclick = (event) => { if (nearest(...at(event), 12) < 0) zoomAt(...at(event), 2); };
  const wheel = (event) => {
    event.preventDefault();
    byKeys = false;
    hover(-1);
    zoomAt(...at(event), Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0016)));
  };
  stage.addEventListener("wheel", wheel, { passive: false });
  $("nearer").onclick = () => zoomAt(width / 2, height / 2, 1.5);
  $("further").onclick = () => zoomAt(width / 2, height / 2, 1 / 1.5);
  $("all").onclick = () => flyTo(allInView());

  const colourIn = () => {
    const style = getComputedStyle(document.documentElement);
    const value = (name) => style.getPropertyValue(name).trim();
    pageColour = value(dark.matches ? "--page-dark" : "--page-light");
    noiseColour = value(dark.matches ? "--noise-dark" : "--noise-light");
    inkColour = value("--ink");
    for (const mark of landmarks) mark.button.style.setProperty("--mine", colour(mark.label));
    ask();
  };
  const resize = () => {
    const before = fitScale, first = width === 0;
    width = stage.clientWidth;
    height = stage.clientHeight;
    ratio = Math.min(2, devicePixelRatio || 1);
    for (const canvas of [dots, ring]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    fitScale = allInView().scale;
    if (first) Object.assign(view, allInView()); else view.scale *= fitScale / before;
    measure();
    moved();
  };
  dark.addEventListener("change", () => { colourIn(); moved(); });
  new ResizeObserver(() => {
    if (stage.clientWidth === width && stage.clientHeight === height) return;
    resize();
    // At once: a canvas is empty after its size was set.
    draw();
  }).observe(stage);
  resize();
  colourIn();
  // A page of a cluster leads to its place: map.html#c7. A cluster that is no more leads to the map as a whole.
  const goToHash = () => {
    const label = clusters.findIndex((cluster) => `#${cluster.id}` === location.hash);
    if (label >= 0) choose(label);
  };
  addEventListener("hashchange", goToHash);
  draw();
  goToHash();
  document.body.dataset.ready = "yes";
})();
