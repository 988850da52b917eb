/* Writing a model; stays in this folder. Errors are sticky: without memory everything after does
 * nothing, and make_end says so. */
#ifndef MAMORI_REPORT_MAKE_INT_H
#define MAMORI_REPORT_MAKE_INT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

struct make {
	const json_t *data;
	json_t *doc, *sections, *blocks;
	struct arena mem; /* of texts */
	bool failed;
};

/* make_begin(m, data, title, now): A document with what is common to all papers. */
void make_begin(struct make *m, const json_t *data, const char *title, const char *now);
/* make_end(m, ret, e): The model, or E_NOMEM. */
MUST int make_end(struct make *m, json_t **ret, struct err *e);

/* Reading data: never NULL, "" for what is missing or of another type. */
const char *get(const json_t *o, const char *name);
const json_t *get_list(const json_t *o, const char *name); /* NULL when there is none */
/* get_number(m, o, name): A number or a text as text. */
const char *get_number(struct make *m, const json_t *o, const char *name);
const char *facility(const struct make *m, const char *name);

/* Texts that live as long as ${m}. */
const char *say(struct make *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *day(struct make *m, const char *s);       /* 令和8年11月25日（2026-11-25） */
const char *short_day(struct make *m, const char *s); /* 2026/11/25 */
/* or(s, otherwise): ${s} unless it is empty. */
const char *or(const char *s, const char *otherwise);

enum { UPRIGHT = 0, WIDE = 1, SAME_PAGE = 2, NO_TOC = 4 };
void make_section(struct make *m, const char *title, int how);
void make_block(struct make *m, json_t *b); /* takes it; NULL is a failure */
void make_heading(struct make *m, int level, const char *text);
void make_para(struct make *m, const char *text);
void make_line(struct make *m, const char *text, const char *align, double size, bool bold);
void make_note(struct make *m, const char *title, const char *text, bool strong);
void make_space(struct make *m, int mm);
void make_list(struct make *m, bool ordered, const char *const *items); /* ends with NULL */
void make_texts(struct make *m, bool ordered, const json_t *from);      /* of texts in the data */
/* make_kv(m, width, key, value, ..., NULL): Pairs. An empty value is a blank to fill in. */
void make_kv(struct make *m, int width, ...) __attribute__((sentinel));
void make_approval(struct make *m);
/* make_sign(m, ...): Labels, ended by NULL; the last one has a place for a seal. */
void make_sign(struct make *m, ...) __attribute__((sentinel));

/* A table: make_table(m, title, width, title, width, ..., NULL), then make_row for each row with
 * one cell a column (taken), ended by NULL. */
json_t *make_table(struct make *m, const char *title, ...) __attribute__((sentinel));
void make_row(struct make *m, json_t *table, ...) __attribute__((sentinel));
json_t *cell(const char *text);
json_t *cell_bold(const char *text);
json_t *cell_mark(const char *mark, const char *text); /* "na" is 該当なし */
json_t *cell_check(bool ticked, const char *text);

/* Parts that more than one paper has. */
bool part_tree(struct make *m, const char *name); /* false: there is none in the data */
void part_checklists(struct make *m);
void part_ledgers(struct make *m);
void part_cards(struct make *m);
void part_measures(struct make *m);
void part_proofs(struct make *m);
const char *answer_text(const char *answer);

int paper_binder(const json_t *data, const char *now, json_t **ret, struct err *e);
int paper_first(const json_t *data, const char *now, json_t **ret, struct err *e);
int paper_letter(const json_t *data, const char *now, json_t **ret, struct err *e);
int paper_recovery(const json_t *data, const char *now, json_t **ret, struct err *e);
int paper_morning(const json_t *data, const char *now, json_t **ret, struct err *e);

#endif
