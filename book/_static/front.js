/**
 * The front page's live piece, and its pairs of pictures with a line to drag between them.
 *
 * Everything is in the page already: without this the pictures stand side by side, and one digit is
 * shown with its tokens and one drawing.
 */
const still = matchMedia("(prefers-reduced-motion: reduce)");
const PACE = 130; // milliseconds for a token

function enliven(box) {
  const data = JSON.parse(box.querySelector("script").textContent);
  const columns = Number(box.dataset.columns);
  const [real, code, back, asked, written, drawn] = ["real", "code", "back", "asked", "written", "new"]
    .map((name) => box.querySelector(`[data-${name}] > span`));
  const chips = [...box.querySelectorAll(".front-chips button")];
  const again = box.querySelector(".front-again button");
  const status = box.querySelector("[role=status]");
  const [{ length: all }] = data.drawn;
  const length = data.tokens[0].length;
  let label = Number(box.dataset.shown);
  let number = 0;
  let timer;

  const fill = (grid, tokens, count) => {
    [...grid.children].forEach((cell, t) => {
      cell.textContent = t < count ? tokens[t] : "";
      cell.classList.toggle("empty", t >= count);
      if (t < count) cell.style.setProperty("--token", tokens[t]);
    });
    grid.setAttribute("aria-label", tokens.slice(0, count).join(" "));
  };
  const show = (digit, column) => {
    digit.style.setProperty("--row", label);
    digit.style.setProperty("--column", column);
  };
  const write = (count) => {
    clearTimeout(timer);
    fill(written, data.drawn[label][number], count);
    show(drawn, 2 + number * (length + 1) + count);
    if (count < length) timer = setTimeout(write, PACE, count + 1);
    else
      status.textContent = box.dataset.said
        .replace("{digit}", label)
        .replace("{number}", number + 1)
        .replace("{all}", all);
  };
  const generate = (wanted, which) => {
    [label, number] = [wanted, which];
    for (const chip of chips) chip.setAttribute("aria-pressed", String(Number(chip.value) === label));
    show(real, 0);
    fill(code, data.tokens[label], length);
    show(back, 1);
    asked.textContent = label;
    status.textContent = "";
    write(still.matches ? length : 0);
  };

  for (const chip of chips) {
    chip.addEventListener("click", () => {
      const wanted = Number(chip.value);
      generate(wanted, wanted === label ? (number + 1) % all : 0);
    });
  }
  again.addEventListener("click", () => generate(label, (number + 1) % all));
  for (const hidden of box.querySelectorAll("[hidden]")) hidden.hidden = false;
}

function compare(box) {
  const slider = document.createElement("input");
  Object.assign(slider, { type: "range", min: 0, max: 100, value: 50 });
  slider.setAttribute("aria-label", box.dataset.label);
  const place = () => box.style.setProperty("--cut", `${slider.value}%`);
  slider.addEventListener("input", place);
  place();
  box.append(slider);
  box.classList.add("front-draggable");
}

document.querySelectorAll(".front-live").forEach(enliven);
document.querySelectorAll(".front-compare").forEach(compare);
