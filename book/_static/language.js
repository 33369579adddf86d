/**
 * Remember the language that a reader chooses, so that the site's front page leads there next time.
 *
 * A choice is a click on a link marked `data-choose-language`. Where the browser keeps nothing, as in
 * some private windows, the links work all the same.
 */
document.addEventListener("click", ({ target }) => {
  const link = target.closest?.("[data-choose-language]");
  if (!link) return;
  try {
    localStorage.setItem("course-language", link.hreflang);
  } catch {
    // Nothing is kept.
  }
});
