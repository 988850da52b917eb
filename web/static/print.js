// A button that prints the page. Without scripts the browser's own menu does it, so the button then stays hidden.
'use strict';
for (const b of document.querySelectorAll('button[data-print]')) {
	b.hidden = false;
	b.addEventListener('click', () => window.print());
}
