// Light or dark before anything is drawn: as the system has it, unless the reader chose. No module: those run too late.
const chosenTheme = localStorage.getItem('arc2face-theme');
if (chosenTheme === 'light' || chosenTheme === 'dark') document.documentElement.dataset.theme = chosenTheme;
