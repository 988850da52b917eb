/* The papers: pure functions from data to a document's model (report.h). All are Japanese, because
 * the people they are for are: inspectors, vendors, the staff at the morning meeting.
 *
 * Data is one JSON object; whoever calls gathers it from registers, guide and facts. Days are
 * YYYY-MM-DD or RFC 3339 and are printed in both countings. What is missing is never an error: it
 * becomes a blank to fill in by hand, or a row in the list of what is still to be made. Values of
 * the wrong type count as missing.
 *
 * Common to all: "facility":{"name","type","beds","address","phone","director","responsible",
 * "deputy","contact"}, "number", "version", "link" (a QR code to the record), "fiscal":"令和8年度".
 *
 * binder: the file for an on-site inspection (立入検査).
 *   "checklists":[{"title","edition","note","sections":[{"title","items":[{"ref","text",
 *      "first":{"answer","date"}, "target", "second":{"answer","date"},
 *      "mark":"green|yellow|red|grey|na", "reason", "declared":bool}]}]}]
 *      answer: yes no na unknown
 *   "organisation", "contacts": trees {"title","text","children"}
 *   "vendors":[{"name","systems","state","date"}]       the forms that vendors fill in
 *   "ledgers":[{"title","columns":[text],"rows":[[text]],"note"}]
 *   "generations":[{"system","place","newest","count","locked_until","note"}]
 *   "drills":[{"date","kind","system","files","seconds","mismatch","ok":bool,"mark"}]
 *   "access":[{"period","entries","found","by","date"}] review of access logs
 *   "seals":{"ok":bool,"records","date"}
 *   "documents":[{"title","version","date","by"}], "training":[{"title","date","people","rate"}],
 *   "minutes":[{"date","members","text"}]
 *   "plan":[{"ref","what","who","due","state"}]         what is not yet so
 *   "missing_due": the day by which missing pages are to be made
 *
 * first: はじめの一冊. "organisation", "contacts", "ledgers", "checklists", as above; "director",
 *   "responsible", "deputy": {"name","post"}; "effective": day of the appointment;
 *   "measures":[{"title","why","how":[text],"minutes","who"}]
 * letter: 業者への依頼状. "to":{"company","department","person"}, "date", "due", "chase": 0, 1, 2
 * ..., "item":{"ref","text","plain","reason","ask"}, "answer_link", "answer_until",
 *   "form":{"title","items":[{"ref","text"}]}           enclosed, if given
 * recovery: for the wall: "systems":[{"name","order","place","newest","vendor","phone","minutes"}],
 *   "key_places":[text], "calls":[{"who","phone","note"}]
 * morning: 朝礼シート, one page. "sentence", "mark",
 * "action":{"title","why","how":[text],"minutes", "who"}, "also":[text], "good":[text],
 * "pillars":[{"title","mark","text"}], "lists":[{"title","items":[text]}] */
#ifndef MAMORI_REPORT_PAPERS_H
#define MAMORI_REPORT_PAPERS_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

/* papers_of(kind, data, now, ret, e): One of the papers above from ${data}, as printed at ${now}
 * (RFC 3339). The model belongs to the caller. E_INVAL (no such paper, no object), E_NOMEM. */
MUST int papers_of(const char *kind, const json_t *data, const char *now, json_t **ret,
    struct err *e);
/* papers_build(...): The same from ${n} bytes of JSON; E_INVAL when they are none, E_LIMIT. */
MUST int papers_build(const char *kind, const void *p, size_t n, const char *now, json_t **ret,
    struct err *e);

#endif
