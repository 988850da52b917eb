/* Inside engine/guide only. */
#ifndef MAMORI_ENGINE_GUIDE_GUIDE_INT_H
#define MAMORI_ENGINE_GUIDE_GUIDE_INT_H

#include "base/arena.h"
#include "guide/guide.h"

struct asset { /* one file of packs/, embedded */
	const char *name;
	const unsigned char *p;
	size_t len;
};
const struct asset *guide_assets(size_t *ret_n);
const struct asset *survey_assets(size_t *ret_n); /* packs/survey */

struct link { /* one "pack:item" of a practice, or one practice named by an item */
	const struct guide_practice *practice;
	const char *pack, *item;
};

struct guide {
	struct arena mem;
	const struct guide_pack *packs[GUIDE_PACKS];
	size_t pack_n;
	const struct guide_practice *practices[GUIDE_PRACTICES];
	size_t practice_n;
	struct link *links;
	size_t link_n, link_cap;
	const char **named; /* practices that items name: pack, item, practice id; three each */
	size_t named_n, named_cap;
};

/* read.c: JSON into the library's own structs, all of it in ${g}'s memory. */
MUST int guide_read_pack(struct guide *g, json_t *o, struct guide_pack **ret, struct err *e);
MUST int guide_read_practice(struct guide *g, json_t *o, struct guide_practice **ret,
    struct err *e);
/* lib.c: remember what answers what; E_NOMEM, E_LIMIT */
MUST int guide_note_link(struct guide *g, const struct guide_practice *p, const char *pack,
    const char *item, struct err *e);
MUST int guide_note_name(struct guide *g, const char *pack, const char *item, const char *practice,
    struct err *e);

#endif
