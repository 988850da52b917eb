#include "s3/s3_xml.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"

enum { DEPTH = 8, PATH = 256, TEXT = S3_TOKEN_MAX, ENTRIES = 10000 };

/* A walk over one document: the path of open elements ("ListBucketResult/Contents/Key"), and the
 * text of the one that was opened last. */
struct walk {
	XML_Parser x;
	char path[PATH];
	size_t plen[DEPTH];
	unsigned depth;
	char text[TEXT];
	size_t ntext;
	bool text_cut;
	int r;
	struct err *e;
	int (*open)(struct walk *w);  /* an element was opened; may be NULL */
	int (*close)(struct walk *w); /* path and text are those of the element that ends */
	void *cookie;
};

static void
stop(struct walk *w, int code, const char *why)
{
	if (w->r == 0)
		w->r = err_set(w->e, code, "%s", why);
	(void)XML_StopParser(w->x, XML_FALSE);
}

static void
on_open(void *cookie, const XML_Char *name, const XML_Char **attr)
{
	struct walk *w = cookie;
	const char *local = strrchr(name, ':');
	size_t n, at = w->depth ? w->plen[w->depth - 1] : 0;

	(void)attr;
	if (w->r < 0)
		return;
	local = local ? local + 1 : name;
	n = strlen(local);
	if (w->depth == DEPTH || at + 1 + n + 1 > sizeof(w->path)) {
		stop(w, E_PROTO, "the store's answer is nested too deeply");
		return;
	}
	if (w->depth)
		w->path[at++] = '/';
	(void)memcpy(w->path + at, local, n + 1);
	w->plen[w->depth++] = at + n;
	w->ntext = 0;
	w->text_cut = false;
	if (w->open)
		w->r = w->open(w);
	if (w->r < 0)
		(void)XML_StopParser(w->x, XML_FALSE);
}

static void
on_close(void *cookie, const XML_Char *name)
{
	struct walk *w = cookie;

	(void)name;
	if (w->r < 0 || w->depth == 0)
		return;
	w->text[w->ntext] = 0;
	w->r = w->close(w);
	if (w->r < 0) {
		(void)XML_StopParser(w->x, XML_FALSE);
		return;
	}
	w->depth--;
	w->path[w->depth ? w->plen[w->depth - 1] : 0] = 0;
	w->ntext = 0;
}

static void
on_text(void *cookie, const XML_Char *s, int n)
{
	struct walk *w = cookie;
	size_t room = sizeof(w->text) - 1 - w->ntext;
	size_t len = (size_t)n < room ? (size_t)n : room;

	(void)memcpy(w->text + w->ntext, s, len);
	w->ntext += len;
	w->text_cut |= len < (size_t)n;
}

static void
on_doctype(void *cookie, const XML_Char *name, const XML_Char *sys, const XML_Char *pub, int sub)
{
	(void)name, (void)sys, (void)pub, (void)sub;
	stop(cookie, E_PROTO, "the store's answer has a document type");
}

static int
walk(struct walk *w, const void *p, size_t n, struct err *e)
{
	enum XML_Status st;

	w->e = e;
	if (n > S3_XML_MAX)
		return err_set(e, E_LIMIT, "the store's answer is too long");
	w->x = XML_ParserCreate("UTF-8");
	if (!w->x)
		return err_set(e, E_NOMEM, "no memory");
	XML_SetUserData(w->x, w);
	XML_SetElementHandler(w->x, on_open, on_close);
	XML_SetCharacterDataHandler(w->x, on_text);
	XML_SetStartDoctypeDeclHandler(w->x, on_doctype);
	st = XML_Parse(w->x, p, (int)n, 1);
	if (st != XML_STATUS_OK && w->r == 0)
		w->r = err_set(e, E_PROTO, "the store's answer is not XML: %s",
		    XML_ErrorString(XML_GetErrorCode(w->x)));
	XML_ParserFree(w->x);
	return w->r;
}

/* is(w, tail): Whether the element is ${tail} below any root. */
static bool
is(const struct walk *w, const char *tail)
{
	const char *rest = strchr(w->path, '/');

	return rest && strcmp(rest + 1, tail) == 0;
}

static bool
root_is(const struct walk *w, const char *root)
{
	size_t n = strlen(root);

	return strncmp(w->path, root, n) == 0 && (w->path[n] == 0 || w->path[n] == '/');
}

/* take(w, out, size): The element's text; E_PROTO when it does not fit or holds a NUL. */
static int
take(struct walk *w, char *out, size_t size)
{
	if (w->text_cut || w->ntext >= size || memchr(w->text, 0, w->ntext))
		return err_set(w->e, E_PROTO, "the store's answer has an overlong %s", w->path);
	(void)memcpy(out, w->text, w->ntext);
	out[w->ntext] = 0;
	return 0;
}

static int
nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
s3_xml_unquote(char *s)
{
	char *out = s;

	for (; *s; s++) {
		int hi, lo;

		if (*s != '%') {
			*out++ = *s == '+' ? ' ' : *s;
			continue;
		}
		hi = nibble(s[1]);
		lo = hi < 0 ? -1 : nibble(s[2]);
		if (lo < 0 || (hi == 0 && lo == 0))
			return false;
		*out++ = (char)(hi * 16 + lo);
		s += 2;
	}
	*out = 0;
	return true;
}

/* ---- refusals ---- */

static void
printable(char *out, size_t size, const struct walk *w)
{
	size_t n = w->ntext < size - 1 ? w->ntext : size - 1;

	for (size_t i = 0; i < n; i++)
		out[i] = w->text[i] >= ' ' && w->text[i] < 127 ? w->text[i] : '?';
	out[n] = 0;
}

static int
error_close(struct walk *w)
{
	struct s3_xml_error *err = w->cookie;

	if (strcmp(w->path, "Error/Code") == 0)
		printable(err->code, sizeof(err->code), w);
	else if (strcmp(w->path, "Error/Message") == 0)
		printable(err->message, sizeof(err->message), w);
	return 0;
}

void
s3_xml_error(const void *p, size_t n, struct s3_xml_error *ret)
{
	struct walk w = {.close = error_close, .cookie = ret};

	*ret = (struct s3_xml_error){0};
	if (n > 0)
		(void)walk(&w, p, n, NULL);
}

/* ---- lists ---- */

struct list {
	struct s3_entry en;
	struct s3_page *page;
	s3_entry_fn *fn;
	void *cookie;
	unsigned count;
	bool encoded, known;
	/* EncodingType may come after the keys that it speaks of */
	bool next_key;
};

static bool
line(const struct walk *w)
{
	return is(w, "Contents") || is(w, "Version") || is(w, "DeleteMarker") ||
	    is(w, "Upload") || is(w, "Part");
}

static int
list_open(struct walk *w)
{
	struct list *l = w->cookie;

	if (w->depth == 1) {
		static const char *const roots[] = {"ListBucketResult", "ListVersionsResult",
			"ListMultipartUploadsResult", "ListPartsResult"};

		for (size_t i = 0; i < ARRAY_LEN(roots); i++)
			l->known |= root_is(w, roots[i]);
		return l->known ? 0 : err_set(w->e, E_PROTO, "the store's answer is not a list");
	}
	if (line(w)) {
		l->en = (struct s3_entry){.delete_marker = is(w, "DeleteMarker")};
		if (++l->count > ENTRIES)
			return err_set(w->e, E_LIMIT, "the store's list is too long");
	}
	return 0;
}

static int
number(struct walk *w, uint64_t max, uint64_t *ret)
{
	char text[24];
	int r = take(w, text, sizeof(text));

	return r < 0 ? r : num_parse_u64(text, max, ret, w->e) < 0 ?
	    err_set(w->e, E_PROTO, "the store's answer has no number in %s", w->path) : 0;
}

static int
etag(struct walk *w, char out[S3_ETAG_MAX])
{
	size_t n;
	int r = take(w, out, S3_ETAG_MAX);

	if (r < 0)
		return r;
	n = strlen(out);
	if (n >= 2 && out[0] == '"' && out[n - 1] == '"') {
		(void)memmove(out, out + 1, n - 2);
		out[n - 2] = 0;
	}
	return 0;
}

static int
line_field(struct walk *w, struct s3_entry *en, const char *f)
{
	uint64_t v = 0;
	int r = 0;

	if (strcmp(f, "Key") == 0) {
		r = take(w, en->key, sizeof(en->key));
	} else if (strcmp(f, "VersionId") == 0 || strcmp(f, "UploadId") == 0) {
		r = take(w, en->version, sizeof(en->version));
	} else if (strcmp(f, "ETag") == 0) {
		r = etag(w, en->etag);
	} else if (strcmp(f, "Size") == 0) {
		r = number(w, INT64_MAX, &en->size);
	} else if (strcmp(f, "PartNumber") == 0) {
		r = number(w, 10000, &v);
		en->part = (unsigned)v;
	} else if (strcmp(f, "IsLatest") == 0) {
		en->latest = strcmp(w->text, "true") == 0;
	} else if (strcmp(f, "LastModified") == 0 || strcmp(f, "Initiated") == 0) {
		if (time_get(w->text, &en->modified, NULL) < 0)
			en->modified = 0;
	}
	return r;
}

static int
page_field(struct walk *w, struct list *l)
{
	struct s3_page *pg = l->page;

	if (is(w, "IsTruncated"))
		pg->more = strcmp(w->text, "true") == 0;
	else if (is(w, "NextContinuationToken"))
		return take(w, pg->token, sizeof(pg->token));
	else if (is(w, "NextKeyMarker") || is(w, "NextPartNumberMarker"))
		return take(w, pg->key, sizeof(pg->key));
	else if (is(w, "NextVersionIdMarker") || is(w, "NextUploadIdMarker"))
		return take(w, pg->version, sizeof(pg->version));
	else if (is(w, "EncodingType"))
		l->encoded = strcmp(w->text, "url") == 0;
	return 0;
}

static int
list_close(struct walk *w)
{
	struct list *l = w->cookie;
	const char *rest = strchr(w->path, '/');

	if (line(w)) {
		if (l->encoded && !s3_xml_unquote(l->en.key))
			return err_set(w->e, E_PROTO, "the store's answer has a broken key");
		return l->fn(&l->en, l->cookie, w->e);
	}
	if (w->depth == 3 && rest) {
		static const char *const lines[] = {"Contents/", "Version/", "DeleteMarker/",
			"Upload/", "Part/"};

		for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
			if (strncmp(rest + 1, lines[i], strlen(lines[i])) == 0)
				return line_field(w, &l->en, rest + 1 + strlen(lines[i]));
		}
	}
	return w->depth == 2 ? page_field(w, l) : 0;
}

/* The first pass only looks for EncodingType, which some stores write after the lines. */
static int
encoding_close(struct walk *w)
{
	if (is(w, "EncodingType"))
		*(bool *)w->cookie = strcmp(w->text, "url") == 0;
	return 0;
}

int
s3_xml_list(const void *p, size_t n, struct s3_page *page, s3_entry_fn *fn, void *cookie,
    struct err *e)
{
	bool encoded = false;
	struct walk first = {.close = encoding_close, .cookie = &encoded};
	struct list l = {.page = page, .fn = fn, .cookie = cookie};
	struct walk w = {.open = list_open, .close = list_close, .cookie = &l};
	int r = walk(&first, p, n, e);

	*page = (struct s3_page){0};
	if (r < 0)
		return r;
	l.encoded = encoded;
	r = walk(&w, p, n, e);
	if (r == 0 && encoded && !s3_xml_unquote(page->key))
		r = err_set(e, E_PROTO, "the store's answer has a broken key");
	return r;
}

/* ---- the others ---- */

static int
upload_close(struct walk *w)
{
	return root_is(w, "InitiateMultipartUploadResult") && is(w, "UploadId") ?
	    take(w, w->cookie, S3_ID_MAX) : 0;
}

int
s3_xml_upload(const void *p, size_t n, char id[S3_ID_MAX], struct err *e)
{
	struct walk w = {.close = upload_close, .cookie = id};
	int r;

	id[0] = 0;
	r = walk(&w, p, n, e);
	if (r == 0 && id[0] == 0)
		r = err_set(e, E_PROTO, "the store's answer names no upload");
	return r;
}

static int
lock_open(struct walk *w)
{
	if (w->depth == 1 && !root_is(w, "ObjectLockConfiguration") && !root_is(w, "Retention") &&
	    !root_is(w, "VersioningConfiguration"))
		return err_set(w->e, E_PROTO, "the store's answer is not about locks");
	return 0;
}

static int
lock_close(struct walk *w)
{
	struct s3_xml_lock *l = w->cookie;

	if (is(w, "ObjectLockEnabled")) {
		l->enabled = strcmp(w->text, "Enabled") == 0;
	} else if (is(w, "Status")) {
		l->versions = strcmp(w->text, "Enabled") == 0;
	} else if (is(w, "Mode") || is(w, "Rule/DefaultRetention/Mode")) {
		l->compliance = strcmp(w->text, "COMPLIANCE") == 0;
		l->governance = strcmp(w->text, "GOVERNANCE") == 0;
	} else if (is(w, "Rule/DefaultRetention/Days")) {
		return number(w, 36500, &l->days);
	} else if (is(w, "Rule/DefaultRetention/Years")) {
		int r = number(w, 100, &l->days);

		l->days *= 365;
		return r;
	} else if (is(w, "RetainUntilDate")) {
		if (time_get(w->text, &l->until, w->e) < 0)
			return err_set(w->e, E_PROTO, "the store's answer has no date");
	}
	return 0;
}

int
s3_xml_lock(const void *p, size_t n, struct s3_xml_lock *ret, struct err *e)
{
	struct walk w = {.open = lock_open, .close = lock_close, .cookie = ret};

	*ret = (struct s3_xml_lock){0};
	return walk(&w, p, n, e);
}

int
s3_xml_done(const void *p, size_t n, struct s3_xml_error *ret, struct err *e)
{
	struct walk w = {.close = error_close, .cookie = ret};
	int r;

	*ret = (struct s3_xml_error){0};
	r = walk(&w, p, n, e);
	if (r == 0 && ret->code[0])
		r = err_set(e, E_SYS, "the store could not put the parts together: %s", ret->code);
	return r;
}
