/* Runs once a picture has loaded, wherever its widget stands: book, Jupyter, Colab. */
((image) => {
  const root = image.closest(".before-after");
  if (root.look) return;
  const all = (selector) => [...root.querySelectorAll(selector)];
  const [picture, range] = [...all(".ba-picture"), ...all("[type=range]")];
  const [left, right] = all(".ba-lens");
  const [before] = all(".ba-before");
  const [afters, names, choices] = [all(".ba-after"), all(".ba-name"), all("[type=radio]")];
  const within = (place) => Math.min(Math.max(place, 0.0625), 0.9375);
  let row = Number(root.style.getPropertyValue("--y"));

  /* The magnifier goes to (x, y), which are shares of the picture's sides. */
  root.look = (x, y) => {
    row = within(y);
    root.style.setProperty("--x", within(x));
    root.style.setProperty("--y", row);
  };
  const enlarge = (lens, shown) => {
    const copy = shown.cloneNode();
    copy.removeAttribute("onload");
    copy.setAttribute("role", "presentation");
    copy.alt = "";
    copy.hidden = false;
    lens.replaceChildren(copy);
  };
  const choose = (number) => {
    for (const list of [afters, names]) list.forEach((each, i) => (each.hidden = i !== number));
    enlarge(right, afters[number]);
  };

  range.addEventListener("input", () => {
    root.style.setProperty("--cut", `${range.value}%`);
    root.look(range.value / 100, row);
  });
  range.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -0.04, ArrowDown: 0.04 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    root.look(range.value / 100, row + step);
  });
  for (const kind of ["pointerdown", "pointermove"]) {
    picture.addEventListener(kind, (event) => {
      const box = picture.getBoundingClientRect();
      root.look((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    });
  }
  choices.forEach((input, i) => input.addEventListener("change", () => choose(i)));
  enlarge(left, before);
  choose(afters.findIndex((after) => !after.hidden));
})(this);
