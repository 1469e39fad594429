// Runs before the first paint, so that a chosen theme does not flash.
(function () {
  try {
    var theme = localStorage.getItem('monstera.theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
    var language = localStorage.getItem('monstera.language') || navigator.language;
    document.documentElement.lang = /^ja/.test(language) ? 'ja' : 'en';
  } catch {
    // Storage may be denied: the system's theme is right then.
  }
})();
