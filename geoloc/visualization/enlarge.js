"use strict";

// A press on a picture shows it larger, with its caption; Escape or a press anywhere closes it.
const enlarged = document.createElement("dialog");
enlarged.setAttribute("aria-label", "Enlarged picture");
document.body.append(enlarged);
enlarged.addEventListener("click", () => enlarged.close());
document.addEventListener("click", (event) => {
  const button = event.target.closest("button.picture");
  const image = button && button.querySelector("img");
  if (!image) return;
  const caption = document.createElement("p");
  caption.textContent = `${image.alt} – ${button.parentNode.querySelector("figcaption").innerText}`;
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "Close";
  const large = document.createElement("img");
  large.src = image.src;
  large.alt = image.alt;
  enlarged.replaceChildren(large, caption, close);
  enlarged.showModal();
});
