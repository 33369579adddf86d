/**
 * What the search page shows beneath a result: the words around the match.
 *
 * Sphinx fetches them from the page found. A page that was opened from a disk may not fetch
 * anything, so there the results are titles only.
 */
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

/** Of a page found, or the part of it at `anchor`, the text without menus and pictures. */
const articleText = (html, anchor) => {
  const article = new DOMParser().parseFromString(html, "text/html").querySelector("article");
  article.querySelectorAll(".chapter-head, .headerlink, script, style, svg").forEach((part) => part.remove());
  return ((anchor && article.querySelector(anchor)) || article).textContent;
};

/** Of results that are equally good the earlier chapter comes first, where Sphinx has 1, 10, 11, 2. */
const readingOrder = ([page, , , , score]) => score - (Number(page.match(/\/(\d\d)_/)?.[1]) || 0) / 1000;

// Before Sphinx begins to search, and after it has said how.
document.addEventListener("DOMContentLoaded", () => {
  Scorer.score = readingOrder;
  Search.htmlToText = articleText;
});
