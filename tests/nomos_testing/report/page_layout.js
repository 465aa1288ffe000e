// Measures a page that is loaded: texts that are cut off, texts that overlap, contrasts that are too low, and what loads.
// It opens everything that is folded first.
const LOWEST_TEXT_CONTRAST = 4.5, LOWEST_LINE_CONTRAST = 3, TOUCH = 2.5;
document.querySelectorAll("details").forEach((details) => { details.open = true; });
const width = document.documentElement.clientWidth;
const problems = [];
if (document.documentElement.scrollWidth > width)
  problems.push(`the page is ${document.documentElement.scrollWidth} px wide on a screen of ${width} px`);
if (document.scripts.length) problems.push("the page has scripts");
for (const entry of performance.getEntriesByType("resource")) problems.push(`loads ${entry.name}`);

function rgba(text) {
  const parts = text.match(/[\d.]+/g).map(Number);
  return { rgb: parts.slice(0, 3), alpha: parts.length > 3 ? parts[3] : 1 };
}
function luminance(rgb) {
  const [r, g, b] = rgb.map((value) => value / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}
function background(element) {
  for (let at = element; at; at = at.parentElement) {
    const { rgb, alpha } = rgba(getComputedStyle(at).backgroundColor);
    if (alpha === 1) return rgb;
  }
  return [255, 255, 255];
}

const texts = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const element = node.parentElement;
  if (!node.data.trim() || element.closest("title, style") || !element.checkVisibility()) continue;
  const svg = element instanceof SVGElement;
  const range = document.createRange();
  range.selectNodeContents(node);
  const rects = svg ? [element.getBoundingClientRect()] : [...range.getClientRects()];
  const scroll = element.closest(".scroll");
  const style = getComputedStyle(element);
  const ratio = contrast(rgba(svg ? style.fill : style.color).rgb, background(element));
  const shown = node.data.trim().slice(0, 60);
  if (ratio < LOWEST_TEXT_CONTRAST) problems.push(`contrast ${ratio.toFixed(2)} of "${shown}"`);
  for (const rect of rects) {
    if (rect.width < 1) continue;
    const inside = scroll ? scroll.getBoundingClientRect() : { left: 0, right: width };
    const reach = scroll ? scroll.scrollWidth : inside.right - inside.left;
    if (rect.left < inside.left - 1 - (scroll ? scroll.scrollLeft : 0) || rect.right > inside.left + reach + 1)
      problems.push(`"${shown}" is cut off: ${rect.left.toFixed(0)} to ${rect.right.toFixed(0)} px`);
    texts.push({ node, shown, rect, top: rect.top + scrollY, bottom: rect.bottom + scrollY });
  }
}
for (const scroll of document.querySelectorAll(".scroll"))
  if (scroll.scrollWidth > scroll.clientWidth && scroll.tabIndex !== 0) problems.push("an area scrolls without the keyboard");

texts.sort((one, other) => one.top - other.top);
texts.forEach((one, place) => {
  for (let next = place + 1; next < texts.length && texts[next].top < one.bottom - TOUCH; next++) {
    const other = texts[next];
    const across = Math.min(one.rect.right, other.rect.right) - Math.max(one.rect.left, other.rect.left);
    const hidden = one.node.parentElement.closest(".scroll") !== other.node.parentElement.closest(".scroll");
    if (one.node !== other.node && across > TOUCH && !hidden) problems.push(`"${one.shown}" lies on "${other.shown}"`);
  }
});
const page = background(document.body);
for (const line of document.querySelectorAll(".legend .line, .forks .link")) {
  const ratio = contrast(rgba(getComputedStyle(line).stroke).rgb, page);
  if (ratio < LOWEST_LINE_CONTRAST) problems.push(`contrast ${ratio.toFixed(2)} of a line (${line.getAttribute("class")})`);
}
return { problems: problems.slice(0, 20), count: problems.length, texts: texts.length, page: page.join(",") };
