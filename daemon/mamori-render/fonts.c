/* The fonts: a configuration of our own, so that paper looks the same whatever the system's is. */
#include <fontconfig/fontconfig.h>
#include <pango/pangofc-fontmap.h>

#include "mamori-render/page.h"

static const char conf[] = "<?xml version=\"1.0\"?><fontconfig>"
			   "<dir>/usr/share/fonts/opentype/noto</dir>"
			   "<dir>/usr/share/fonts/opentype/ipaexfont-gothic</dir>"
			   "<dir>/usr/share/fonts/opentype/ipafont-gothic</dir>"
			   "<cachedir>/var/cache/fontconfig</cachedir></fontconfig>";
/* the first that is there */
static const char *const families[] = {"Noto Sans CJK JP", "IPAexGothic", "IPAGothic"};

static bool
have(FcConfig *c, const char *family)
{
	FcFontSet *set = FcConfigGetFonts(c, FcSetSystem);

	for (int i = 0; set && i < set->nfont; i++) {
		FcChar8 *name;

		for (int k = 0;
		     FcPatternGetString(set->fonts[i], FC_FAMILY, k, &name) == FcResultMatch; k++)
			if (FcStrCmpIgnoreCase(name, (const FcChar8 *)family) == 0)
				return true;
	}
	return false;
}

static const char *
choose(FcConfig *c)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (have(c, families[i]))
			return families[i];
	return NULL;
}

int
fonts_open(struct fonts *f, struct err *e)
{
	FcConfig *c = FcConfigCreate();
	cairo_font_options_t *o;
	const char *family;

	*f = (struct fonts){0};
	if (!c || !FcConfigParseAndLoadFromMemory(c, (const FcChar8 *)conf, FcFalse) ||
	    !FcConfigBuildFonts(c) || !FcConfigSetCurrent(c))
		return err_set(e, E_SYS, "the fonts could not be listed");
	family = choose(c);
	if (!family) {
		FcConfigDestroy(c);
		return err_set(e, E_NOENT,
		    "there is no Japanese font; install the package fonts-noto-cjk");
	}
	f->map = pango_cairo_font_map_new_for_font_type(CAIRO_FONT_TYPE_FT);
	pango_fc_font_map_set_config(PANGO_FC_FONT_MAP(f->map), c);
	FcConfigDestroy(c); /* the map and fontconfig hold their own references */
	pango_cairo_font_map_set_resolution(PANGO_CAIRO_FONT_MAP(f->map), 72);
	f->ctx = pango_font_map_create_context(f->map);
	pango_context_set_language(f->ctx, pango_language_from_string("ja"));
	pango_context_set_round_glyph_positions(f->ctx, FALSE);
	o = cairo_font_options_create();
	cairo_font_options_set_hint_style(o, CAIRO_HINT_STYLE_NONE);
	cairo_font_options_set_hint_metrics(o, CAIRO_HINT_METRICS_OFF);
	cairo_font_options_set_antialias(o, CAIRO_ANTIALIAS_GRAY);
	pango_cairo_context_set_font_options(f->ctx, o);
	cairo_font_options_destroy(o);
	f->plain = pango_font_description_new();
	pango_font_description_set_family(f->plain, family);
	f->bold = pango_font_description_copy(f->plain);
	pango_font_description_set_weight(f->bold, PANGO_WEIGHT_BOLD);
	return 0;
}

void
fonts_close(struct fonts *f)
{
	if (f->plain)
		pango_font_description_free(f->plain);
	if (f->bold)
		pango_font_description_free(f->bold);
	if (f->ctx)
		g_object_unref(f->ctx);
	if (f->map)
		g_object_unref(f->map);
	*f = (struct fonts){0};
}
