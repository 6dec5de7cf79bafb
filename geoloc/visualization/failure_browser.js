// Hides the failures that a reader does not ask for.
function makeFilter(browser) {
  const articles = [...browser.querySelectorAll("article")];
  const value = (name) => browser.querySelector(`.filters .${name}`)?.value ?? "";
  const bound = (name, otherwise) => (value(name) === "" ? otherwise : Number(value(name)));

  function apply() {
    const [task, place, file] = [value("task"), value("place").trim(), value("file").toLowerCase()];
    const [least, most] = [bound("least", -Infinity), bound("most", Infinity)];
    let shown = 0;
    for (const article of articles) {
      const { error, ...facts } = article.dataset;
      const near = error === undefined || (least <= Number(error) && Number(error) <= most);
      const fits = near &&
        (task === "" || facts.task === task) &&
        (place === "" || facts.place === place) &&
        facts.file.toLowerCase().includes(file);
      article.hidden = !fits;
      shown += fits;
    }
    browser.querySelector("output").textContent = `${shown} of ${articles.length} shown`;
  }

  browser.querySelector(".filters").addEventListener("input", apply);
  apply();
}

document.querySelectorAll(".failures").forEach(makeFilter);
