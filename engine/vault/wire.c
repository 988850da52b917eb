#include "vault/wire.h"

#include <string.h>

#include "base/num.h"
#include "base/utf8.h"

bool
wire_name_ok(const char *s)
{
	size_t n = strlen(s);

	if (n < 1 || n > WIRE_MAX_NAME || s[0] == '.' || s[0] == '-')
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    c == '.' || c == '_' || c == '-'))
			return false;
	}
	return true;
}

/* ---- what each kind carries, in this order ---- */

enum field {
	F_VERSIONS = 1, /* vmin vmax */
	F_MAY = 2,
	F_SEQ = 4,
	F_TIME = 8,
	F_N = 16,
	F_ID = 32,
	F_PREV = 64,
	F_SEG = 128,
	F_NAME = 256,
	F_A = 512,
	F_B = 1024,
	F_REST = 2048, /* everything left is a */
	F_CODE = 4096,
	F_TEXT = 8192,
	F_NONE = 1 << 20,
};

static unsigned
fields_of(uint8_t kind)
{
	switch (kind) {
	case WIRE_HELLO:
		return F_VERSIONS | F_NAME;
	case WIRE_CREATE:
		return F_A | F_B;
	case WIRE_LOG:
	case WIRE_LIST:
		return F_SEQ;
	case WIRE_COMMIT:
		return F_SEQ | F_PREV | F_A;
	case WIRE_PUT:
		return F_TIME | F_SEG;
	case WIRE_PIECE:
	case WIRE_DATA:
		return F_REST;
	case WIRE_END:
		return F_NONE;
	case WIRE_STAT:
		return F_ID;
	case WIRE_GET:
		return F_SEQ | F_N | F_ID;
	case WIRE_ENROL:
		return F_VERSIONS | F_NAME | F_A | F_B;
	case WIRE_RENEW:
		return F_A;
	case WIRE_OK:
		return F_VERSIONS | F_MAY | F_SEQ | F_TIME | F_NAME | F_A | F_B;
	case WIRE_ERR:
		return F_CODE | F_TEXT;
	default:
		return 0;
	}
}

static int
put_seg(struct buf *b, const struct fmt_segment_rec *s, struct err *e)
{
	int r = buf_put(b, s->seg, FMT_ID_LEN, e);

	if (r == 0)
		r = buf_u8(b, s->kind, e);
	if (r == 0)
		r = buf_u32(b, s->npages, e);
	return r == 0 ? buf_put(b, s->root, FMT_HASH_LEN, e) : r;
}

static int
put_body(struct buf *b, const struct wire_msg *m, unsigned f, struct err *e)
{
	int r = 0;

	if (f & F_VERSIONS)
		r = buf_u16(b, m->vmin, e);
	if (r == 0 && (f & F_VERSIONS))
		r = buf_u16(b, m->vmax, e);
	if (r == 0 && (f & F_MAY))
		r = buf_u8(b, m->may, e);
	if (r == 0 && (f & F_SEQ))
		r = buf_u64(b, m->seq, e);
	if (r == 0 && (f & F_TIME))
		r = buf_u64(b, (uint64_t)m->time, e);
	if (r == 0 && (f & F_N))
		r = buf_u32(b, m->n, e);
	if (r == 0 && (f & F_ID))
		r = buf_put(b, m->id, FMT_ID_LEN, e);
	if (r == 0 && (f & F_PREV))
		r = buf_put(b, m->prev, sizeof(m->prev), e);
	if (r == 0 && (f & F_SEG))
		r = put_seg(b, &m->seg, e);
	if (r == 0 && (f & F_NAME))
		r = buf_blob(b, m->name, strlen(m->name), e);
	if (r == 0 && (f & F_A))
		r = buf_blob(b, m->a, m->an, e);
	if (r == 0 && (f & F_B))
		r = buf_blob(b, m->b, m->bn, e);
	if (r == 0 && (f & F_REST))
		r = buf_put(b, m->a, m->an, e);
	if (r == 0 && (f & F_CODE))
		r = buf_u8(b, (uint8_t)-m->code, e);
	if (r == 0 && (f & F_TEXT))
		r = buf_blob(b, m->text, strlen(m->text), e);
	return r;
}

int
wire_put(struct buf *b, const struct wire_msg *m, struct err *e)
{
	size_t at = b->len;
	int r = buf_u32(b, 0, e);

	if (r == 0)
		r = buf_u8(b, m->kind, e);
	if (r == 0)
		r = put_body(b, m, fields_of(m->kind), e);
	if (r == 0 && b->len - at - 4 > WIRE_MAX_BODY + 1)
		r = err_set(e, E_LIMIT, "a message is too long");
	if (r < 0) {
		b->len = at;
		return r;
	}
	le32_put(b->p + at, (uint32_t)(b->len - at - 4));
	return 0;
}

int
wire_head(const uint8_t p[WIRE_HEAD], uint32_t max, uint8_t *ret_kind, uint32_t *ret_len,
    struct err *e)
{
	uint32_t n = le32_get(p);

	if (n < 1 || n - 1 > max || fields_of(p[4]) == 0)
		return err_set(e, E_PROTO, "the other side sent something that is no message");
	*ret_kind = p[4];
	*ret_len = n - 1;
	return 0;
}

/* text_of(r, max, out): A blob that is printable text, with a NUL. */
static void
text_of(struct rd *r, size_t max, char *out)
{
	size_t n = 0;
	const unsigned char *p = rd_blob(r, max, &n);

	if (!p && !r->bad)
		n = 0;
	if (r->bad || !utf8_ok((const char *)p, n)) {
		r->bad = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		r->bad |= p[i] < ' ' || p[i] == 127;
	if (n)
		(void)memcpy(out, p, n);
	out[n] = 0;
}

static void
bytes_of(struct rd *r, void *out, size_t n)
{
	const unsigned char *p = rd_bytes(r, n);

	if (p)
		(void)memcpy(out, p, n);
}

static void
get_body(struct rd *r, struct wire_msg *m, unsigned f)
{
	if (f & F_VERSIONS) {
		m->vmin = rd_u16(r);
		m->vmax = rd_u16(r);
	}
	if (f & F_MAY)
		m->may = rd_u8(r);
	if (f & F_SEQ)
		m->seq = rd_u64(r);
	if (f & F_TIME)
		m->time = (int64_t)rd_u64(r);
	if (f & F_N)
		m->n = rd_u32(r);
	if (f & F_ID)
		bytes_of(r, m->id, FMT_ID_LEN);
	if (f & F_PREV)
		bytes_of(r, m->prev, sizeof(m->prev));
	if (f & F_SEG) {
		bytes_of(r, m->seg.seg, FMT_ID_LEN);
		m->seg.kind = rd_u8(r);
		m->seg.npages = rd_u32(r);
		bytes_of(r, m->seg.root, FMT_HASH_LEN);
	}
	if (f & F_NAME)
		text_of(r, WIRE_MAX_NAME, m->name);
	if (f & F_A)
		m->a = rd_blob(r, WIRE_MAX_BODY, &m->an);
	if (f & F_B)
		m->b = rd_blob(r, WIRE_MAX_BODY, &m->bn);
	if (f & F_REST) {
		m->an = rd_left(r);
		m->a = rd_bytes(r, m->an);
	}
	if (f & F_CODE)
		m->code = -(int)rd_u8(r);
	if (f & F_TEXT)
		text_of(r, WIRE_MAX_TEXT, m->text);
}

int
wire_get(uint8_t kind, const uint8_t *p, size_t n, struct wire_msg *ret, struct err *e)
{
	unsigned f = fields_of(kind);
	struct rd r = rd_init(p, n);

	(void)memset(ret, 0, sizeof(*ret));
	ret->kind = kind;
	if (f != 0)
		get_body(&r, ret, f);
	if (f == 0 || !rd_end(&r) || (kind == WIRE_ERR && (ret->code >= 0 || ret->code < E_NET)) ||
	    (kind == WIRE_PUT && (ret->seg.npages < 1 || ret->seg.npages > FMT_MAX_PAGES)))
		return err_set(e, E_PROTO, "the other side sent a message that makes no sense");
	return 0;
}
