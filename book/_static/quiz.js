/* Questions with radio buttons that answer at once. Without this script a question is what it is in
   a notebook: a list of options and, folded, the answer with the reasons (book/quiz.py). */

const QUIZ_WORDS = document.documentElement.lang.startsWith("zh")
  ? { right: "对。", wrong: "不对。" }
  : { right: "Right. ", wrong: "Not quite. " };

/** Build one question, in place, from its Markdown. */
const buildQuiz = (quiz, number) => {
  const answer = quiz.querySelector("details");
  const list = [...quiz.children].find((element) => element.tagName === "OL");
  const reasons = [...answer.querySelector("ol").children];
  const right = Number(quiz.dataset.right) - 1;

  const fieldset = document.createElement("fieldset");
  const legend = document.createElement("legend");
  while (quiz.firstElementChild !== list) {
    legend.append(...quiz.firstElementChild.childNodes);
    quiz.firstElementChild.remove();
  }
  const feedback = document.createElement("p");
  feedback.className = "quiz-feedback";
  feedback.setAttribute("role", "status"); // read aloud when it changes
  fieldset.append(legend);

  [...list.children].forEach((option, n) => {
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.type = "radio";
    input.name = `quiz-${number}`;
    input.addEventListener("change", () => {
      for (const other of fieldset.querySelectorAll("label")) other.className = "";
      label.className = feedback.dataset.is = n === right ? "right" : "wrong";
      const verdict = document.createElement("strong");
      verdict.textContent = QUIZ_WORDS[label.className];
      feedback.replaceChildren(verdict, ...content(reasons[n]));
    });
    const text = document.createElement("span");
    text.append(...content(option));
    label.append(input, text);
    fieldset.append(label);
  });

  fieldset.append(feedback);
  list.replaceWith(fieldset);
  answer.hidden = true; // kept for the printed book
};

/** Copies of what is in a list item, without the paragraph around it. */
const content = (item) => {
  const only = item.children.length === 1 && item.firstElementChild.tagName === "P";
  return [...(only ? item.firstElementChild : item).cloneNode(true).childNodes];
};

document.querySelectorAll(".quiz").forEach(buildQuiz);
