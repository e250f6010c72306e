// Before the page is drawn: the scheme that was chosen, else the system's; and that scripts run.
"use strict";
{
  const chosen = localStorage.getItem("scheme");
  const dark = document.getElementById("dark");
  document.documentElement.classList.add("js");
  if (chosen) dark.media = chosen === "dark" ? "screen" : "not all";
}
