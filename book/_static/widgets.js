/* Shows the widgets of a page, where no kernel runs.

Jupyter's own manager shows every widget there is, and weighs 1.9 MB. The course uses the few below,
and only in the way that `vqlib.show.widgets` makes them: all that ever changes is a slider's place,
and the links carry it on. Here a slider is the browser's own, with its keys and its names for
screen readers. */

(() => {
  const WORDS = {
    en: {
      play: "Play",
      pause: "Pause",
      stop: "Back to the start",
      picture: "Picture: ",
    },
    zh: {
      play: "播放",
      pause: "暂停",
      stop: "回到开头",
      picture: "图：",
    },
  };
  const page = document.documentElement.lang.slice(0, 2);
  const language = page in WORDS ? page : "en";
  const words = WORDS[language];

  /* The state of a widget, and who wants to know when it changes. */
  class Model {
    constructor({ model_name, state }) {
      Object.assign(this, { name: model_name, state, listeners: [] });
    }

    set(key, value) {
      if (this.state[key] === value) return; // also ends the way to and fro of a link
      this.state[key] = value;
      this.listeners.forEach((listener) => listener());
    }

    /* Calls `listener` now and after every change. */
    follow(listener) {
      this.listeners.push(listener);
      listener();
    }
  }

  const element = (tag, className, properties = {}) =>
    Object.assign(document.createElement(tag), { className, ...properties });

  /* Words stand there in each language (vqlib/show/words.py): those of the page's own remain. */
  function html({ state }) {
    const drawn = element("div", "widget-html", { innerHTML: state.value });
    for (const word of drawn.querySelectorAll("[lang]")) if (word.lang !== language) word.remove();
    for (const image of drawn.querySelectorAll("img")) {
      image.alt = words.picture + image.alt;
      if (image.closest(".before-after")) continue; // as wide as there is room
      image.style.setProperty("--drawn", `${image.getAttribute("width")}px`);
    }
    return drawn;
  }

  function box(className) {
    return ({ state }, view) => {
      const children = state.children.map(view);
      children.forEach((child, i) => {
        const named = child.matches(".widget-slider") ? child.firstChild : child;
        if (child.matches(".widget-slider, .widget-choice")) {
          named.ariaLabel = children[i - 1].textContent; // its symbol stands before it
        }
      });
      const drawn = element("div", className);
      drawn.append(...children);
      return drawn;
    };
  }

  function stack(model, view) {
    const drawn = element("div", "widget-stack");
    const { children } = model.state;
    model.follow(() => drawn.replaceChildren(view(children[model.state.selected_index])));
    return drawn;
  }

  /* What a slider's places are called, below them; of many the ends and the middle, of long names none.
     Whoever touches a name goes there; with keys the slider itself does that. */
  function ticks(model) {
    const labels = model.state._options_labels;
    const last = labels.length - 1;
    const ends = [0, Math.floor(last / 2), last];
    const fit = (places) => places.map((index) => labels[index]).join("  ").length <= 36;
    const few = [[...labels.keys()], ends].find(fit) ?? [];
    const drawn = element("div", "widget-ticks", { ariaHidden: "true" });
    for (const index of new Set(few)) {
      const tick = element("span", "", { textContent: labels[index] });
      tick.style.setProperty("--place", last ? index / last : 0);
      tick.addEventListener("click", () => model.set("index", index));
      drawn.append(tick);
    }
    return drawn;
  }

  function slider(model) {
    const labels = model.state._options_labels;
    const input = element("input", "", { type: "range", min: 0, max: labels.length - 1 });
    const value = element("output", "", { ariaHidden: "true" }); // the slider says it itself
    input.addEventListener("input", () => model.set("index", Number(input.value)));
    model.follow(() => {
      input.value = model.state.index;
      input.ariaValueText = value.textContent = labels[model.state.index];
    });
    const drawn = element("div", "widget-slider");
    drawn.append(input, value, ticks(model));
    return drawn;
  }

  let choices = 0; // so far; each has a name of its own

  /* A button for each of few states: radio buttons of the browser, which know arrow keys by themselves. */
  function choice(model) {
    const drawn = element("div", "widget-choice");
    drawn.setAttribute("role", "radiogroup");
    const name = `choice-${(choices += 1)}`;
    const inputs = model.state._options_labels.map((text, index) => {
      const label = element("label", "");
      const input = element("input", "", { type: "radio", name });
      input.addEventListener("change", () => model.set("index", index));
      label.append(input, element("span", "", { textContent: text }));
      drawn.append(label);
      return input;
    });
    model.follow(() => (inputs[model.state.index].checked = true));
    return drawn;
  }

  function play(model) {
    const { min, max, step, interval } = model.state;
    const toggle = element("button", "widget-play", { type: "button" });
    const stop = element("button", "widget-stop", { type: "button" });
    stop.title = stop.ariaLabel = words.stop;
    let timer = null;

    function run(on) {
      clearInterval(timer);
      timer = on ? setInterval(advance, interval) : null;
      toggle.classList.toggle("playing", on);
      toggle.title = toggle.ariaLabel = on ? words.pause : words.play;
    }
    function advance() {
      model.set("value", Math.min(model.state.value + step, max));
      if (model.state.value === max) run(false);
    }

    toggle.addEventListener("click", () => {
      if (timer === null && model.state.value === max) model.set("value", min);
      run(timer === null);
    });
    stop.addEventListener("click", () => {
      run(false);
      model.set("value", min);
    });
    run(false);
    const drawn = element("div", "widget-buttons");
    drawn.append(toggle, stop);
    return drawn;
  }

  const VIEWS = {
    HBoxModel: box("widget-row"),
    HTMLModel: html,
    PlayModel: play,
    SelectionSliderModel: slider,
    StackModel: stack,
    ToggleButtonsModel: choice,
    VBoxModel: box("widget-column"),
  };

  function link(source, sourceKey, target, targetKey) {
    source.follow(() => target.set(targetKey, source.state[sourceKey]));
    target.follow(() => source.set(sourceKey, target.state[targetKey]));
  }

  function showAll({ state }) {
    const models = {};
    for (const [id, model] of Object.entries(state)) models[`IPY_MODEL_${id}`] = new Model(model);

    function view(id) {
      const model = models[id];
      if (!(model.name in VIEWS)) throw new Error(`widgets.js cannot show a ${model.name}`);
      return (model.drawn ??= VIEWS[model.name](model, view));
    }

    for (const { name, state } of Object.values(models)) {
      if (name !== "LinkModel") continue;
      const [[source, sourceKey], [target, targetKey]] = [state.source, state.target];
      link(models[source], sourceKey, models[target], targetKey);
    }
    const kind = "application/vnd.jupyter.widget-view+json";
    for (const place of document.querySelectorAll(`script[type="${kind}"]`)) {
      const shown = element("div", "course-widget");
      const drawn = view(`IPY_MODEL_${JSON.parse(place.textContent).model_id}`);
      shown.append(drawn);
      shown.setAttribute("role", "group");
      shown.ariaLabel = drawn.querySelector(".widget-title")?.textContent.trim() ?? "";
      place.before(shown);
    }
  }

  const states = 'script[type="application/vnd.jupyter.widget-state+json"]';
  document.querySelectorAll(states).forEach((tag) => showAll(JSON.parse(tag.textContent)));
})();
