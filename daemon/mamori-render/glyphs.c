/* Text onto paper, with fonts cut to what is used.
 *
 * cairo 1.16 cuts fonts itself, but when two glyphs of a CFF font share a subroutine that holds
 * hints it gives up and embeds all subroutines: 0.9 MB a face with Noto Sans CJK for any ordinary
 * text. So HarfBuzz cuts the font first, without subroutines, and cairo gets that one. Two passes:
 * glyphs_collect over everything, glyphs_ready, then glyphs_show. */
#include <cairo-ft.h>
#include <hb-subset.h>
#include <stdbool.h>

#include "mamori-render/glyphs.h"

enum { FACES_MAX = 16, GETA = 0x3013 };

struct face {
	hb_face_t *whole;
	hb_set_t *used;
	hb_subset_plan_t *plan; /* owns to_new */
	const hb_map_t *to_new;
	hb_blob_t *bytes;
	cairo_font_face_t *cut;
};

struct glyphs {
	struct face face[FACES_MAX];
	size_t n;
	FT_Library ft;
};

struct glyphs *
glyphs_new(void)
{
	return g_new0(struct glyphs, 1); /* glib ends the process without memory */
}

void
glyphs_free(struct glyphs *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n; i++) {
		struct face *f = &g->face[i];

		if (f->cut)
			cairo_font_face_destroy(f->cut);
		hb_subset_plan_destroy(f->plan);
		hb_set_destroy(f->used);
		hb_face_destroy(f->whole);
	}
	/* FT_Library and the bytes stay: cairo keeps faces in a cache until the process ends */
	g_free(g);
}

static struct face *
face_of(struct glyphs *g, PangoFont *font)
{
	hb_face_t *whole = hb_font_get_face(pango_font_get_hb_font(font));

	for (size_t i = 0; i < g->n; i++)
		if (g->face[i].whole == whole)
			return &g->face[i];
	if (g->n >= FACES_MAX)
		return NULL; /* there are three fonts in two weights */
	g->face[g->n] = (struct face){.whole = hb_face_reference(whole), .used = hb_set_create()};
	return &g->face[g->n++];
}

/* The glyph to show: what the font lacks becomes 〓, as printers do it, never nothing. */
static hb_codepoint_t
glyph_of(PangoFont *font, PangoGlyph g)
{
	hb_codepoint_t geta = 0;

	if (!(g & PANGO_GLYPH_UNKNOWN_FLAG))
		return g;
	(void)hb_font_get_nominal_glyph(pango_font_get_hb_font(font), GETA, &geta);
	return geta;
}

void
glyphs_collect(struct glyphs *g, PangoLayoutLine *line)
{
	for (GSList *s = line->runs; s; s = s->next) {
		const PangoGlyphItem *run = s->data;
		PangoFont *font = run->item->analysis.font;
		struct face *f = font ? face_of(g, font) : NULL;

		for (int i = 0; f && i < run->glyphs->num_glyphs; i++)
			if (run->glyphs->glyphs[i].glyph != PANGO_GLYPH_EMPTY)
				hb_set_add(f->used, glyph_of(font, run->glyphs->glyphs[i].glyph));
	}
}

/* Tables of no use once the glyphs are chosen. */
static void
drop_tables(hb_subset_input_t *in)
{
	static const hb_tag_t tags[] = {HB_TAG('G', 'S', 'U', 'B'), HB_TAG('G', 'P', 'O', 'S'),
	    HB_TAG('G', 'D', 'E', 'F'), HB_TAG('B', 'A', 'S', 'E'), HB_TAG('v', 'h', 'e', 'a'),
	    HB_TAG('v', 'm', 't', 'x'), HB_TAG('V', 'O', 'R', 'G')};
	hb_set_t *drop = hb_subset_input_set(in, HB_SUBSET_SETS_DROP_TABLE_TAG);

	for (size_t i = 0; i < G_N_ELEMENTS(tags); i++)
		hb_set_add(drop, tags[i]);
}

static int
cut(struct face *f, struct err *e)
{
	hb_subset_input_t *in = hb_subset_input_create_or_fail();
	hb_face_t *small = NULL;

	if (in) {
		hb_subset_input_set_flags(in, HB_SUBSET_FLAGS_DESUBROUTINIZE);
		hb_set_union(hb_subset_input_glyph_set(in), f->used);
		drop_tables(in);
		f->plan = hb_subset_plan_create_or_fail(f->whole, in);
		hb_subset_input_destroy(in);
	}
	if (f->plan) {
		f->to_new = hb_subset_plan_old_to_new_glyph_mapping(f->plan);
		small = hb_subset_plan_execute_or_fail(f->plan);
	}
	if (!small)
		return err_set(e, E_SYS, "a font could not be cut to what is used");
	f->bytes = hb_face_reference_blob(small);
	hb_face_destroy(small);
	return 0;
}

int
glyphs_ready(struct glyphs *g, struct err *e)
{
	if (FT_Init_FreeType(&g->ft) != 0)
		return err_set(e, E_SYS, "the font library did not start");
	for (size_t i = 0; i < g->n; i++) {
		struct face *f = &g->face[i];
		const char *p;
		unsigned n;
		FT_Face ft;
		int r = cut(f, e);

		if (r < 0)
			return r;
		p = hb_blob_get_data(f->bytes, &n);
		if (FT_New_Memory_Face(g->ft, (const FT_Byte *)p, (FT_Long)n, 0, &ft) != 0)
			return err_set(e, E_SYS, "a font that was cut could not be read");
		f->cut = cairo_ft_font_face_create_for_ft_face(ft, FT_LOAD_NO_HINTING);
	}
	return 0;
}

struct run {
	cairo_glyph_t *glyph;
	cairo_text_cluster_t *cluster;
	int glyphs, clusters;
};

/* The glyphs of one cluster; returns how far the pen went. */
static double
cluster(const struct face *f, const PangoGlyphItem *item, const PangoGlyphItemIter *it, double x,
    double y, struct run *run)
{
	const bool back = item->item->analysis.level % 2;
	int from = back ? it->end_glyph + 1 : it->start_glyph;
	int to = back ? it->start_glyph + 1 : it->end_glyph, k = 0;

	for (int i = from; i < to; i++) {
		const PangoGlyphInfo *gi = &item->glyphs->glyphs[i];
		PangoFont *font = item->item->analysis.font;

		if (gi->glyph != PANGO_GLYPH_EMPTY) {
			run->glyph[run->glyphs++] = (cairo_glyph_t){
			    .index = hb_map_get(f->to_new, glyph_of(font, gi->glyph)),
			    .x = x + (double)gi->geometry.x_offset / PANGO_SCALE,
			    .y = y + (double)gi->geometry.y_offset / PANGO_SCALE};
			k++;
		}
		x += (double)gi->geometry.width / PANGO_SCALE;
	}
	run->cluster[run->clusters++] = (cairo_text_cluster_t){
	    .num_bytes = it->end_index - it->start_index, .num_glyphs = k};
	return x;
}

static double
show_run(struct glyphs *g, cairo_t *cr, PangoGlyphItem *item, const char *text, double x, double y)
{
	PangoFont *font = item->item->analysis.font;
	const struct face *f = font ? face_of(g, font) : NULL;
	PangoFontDescription *d;
	PangoGlyphItemIter it;
	struct run run = {0};

	if (!f || !f->cut)
		return x;
	run.glyph = g_new(cairo_glyph_t, item->glyphs->num_glyphs + 1);
	run.cluster = g_new(cairo_text_cluster_t, item->item->num_chars + 1);
	for (bool more = pango_glyph_item_iter_init_start(&it, item, text); more;
	     more = pango_glyph_item_iter_next_cluster(&it))
		x = cluster(f, item, &it, x, y, &run);
	d = pango_font_describe_with_absolute_size(font);
	cairo_set_font_face(cr, f->cut);
	cairo_set_font_size(cr, (double)pango_font_description_get_size(d) / PANGO_SCALE);
	pango_font_description_free(d);
	cairo_show_text_glyphs(cr, text + item->item->offset, item->item->length, run.glyph,
	    run.glyphs, run.cluster, run.clusters,
	    item->item->analysis.level % 2 ? CAIRO_TEXT_CLUSTER_FLAG_BACKWARD : 0);
	g_free(run.glyph);
	g_free(run.cluster);
	return x;
}

void
glyphs_show(struct glyphs *g, cairo_t *cr, PangoLayoutLine *line, double x, double y)
{
	const char *text = pango_layout_get_text(line->layout);

	for (GSList *s = line->runs; s; s = s->next)
		x = show_run(g, cr, s->data, text, x, y);
}
