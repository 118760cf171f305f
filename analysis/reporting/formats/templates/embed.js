// Draw each specification of the page in its container. Load nothing.
const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
for (const script of document.querySelectorAll("script[type='application/json']")) {
  const spec = JSON.parse(script.textContent), container = script.parentElement.querySelector(".drawing");
  delete spec.title; delete spec.padding;
  vegaEmbed(container, {...spec, background: "transparent", width: container.clientWidth},
    {ast: true, renderer: "svg", actions: false, logLevel: 1, tooltip: {theme: isDark ? "dark" : "light"},
      loader: {load: () => Promise.reject("nothing is loaded")}});
}
