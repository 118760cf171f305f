// Draws each specification of the page in its place; loads nothing.
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
for (const given of document.querySelectorAll("script[type='application/json']")) {
  const spec = JSON.parse(given.textContent), place = given.parentElement.querySelector(".drawing");
  delete spec.title; delete spec.padding;
  const config = dark ? {background: "#ffffff"} : {};
  vegaEmbed(place, {...spec, width: place.clientWidth},
    {ast: true, renderer: "svg", actions: false, logLevel: 1, config,
      loader: {load: () => Promise.reject("nothing is loaded")}});
}
