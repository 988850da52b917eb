/* Text onto paper, with fonts cut to what is used; see glyphs.c. */
#ifndef MAMORI_RENDER_GLYPHS_H
#define MAMORI_RENDER_GLYPHS_H

#include <pango/pangocairo.h>

#include "base/err.h"

struct glyphs;
struct glyphs *glyphs_new(void);
void glyphs_free(struct glyphs *g);
/* glyphs_collect(g, line): First pass: note what the line needs. */
void glyphs_collect(struct glyphs *g, PangoLayoutLine *line);
/* glyphs_ready(g, e): Cut the fonts. E_SYS. */
MUST int glyphs_ready(struct glyphs *g, struct err *e);
/* glyphs_show(g, cr, line, x, y): Second pass: the line with its baseline beginning at x, y, and
 * with its text, so that it can be searched and read aloud. */
void glyphs_show(struct glyphs *g, cairo_t *cr, PangoLayoutLine *line, double x, double y);

#endif
