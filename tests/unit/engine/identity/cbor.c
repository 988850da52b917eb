#include "identity/cbor.h"

#include "base/num.h"
#include "tap.h"

/* RFC 8949 appendix A, as far as it is of the kinds that are read; and what must be refused. */
static const struct {
	const char *hex;
	bool ok;
	enum cbor_kind kind;
	uint64_t value;
} t[] = {
    {"00", true, CBOR_UINT, 0}, {"17", true, CBOR_UINT, 23}, {"1818", true, CBOR_UINT, 24},
    {"1903e8", true, CBOR_UINT, 1000}, {"1a000f4240", true, CBOR_UINT, 1000000},
    {"1bffffffffffffffff", true, CBOR_UINT, UINT64_MAX}, {"20", true, CBOR_NINT, 0},
    {"3863", true, CBOR_NINT, 99}, {"f4", true, CBOR_SIMPLE, 20}, {"f5", true, CBOR_SIMPLE, 21},
    {"f6", true, CBOR_SIMPLE, 22}, {"40", true, CBOR_BYTES, 0}, {"4401020304", true, CBOR_BYTES, 4},
    {"6449455446", true, CBOR_TEXT, 4}, {"80", true, CBOR_ARRAY, 0},
    {"8301820203820405", true, CBOR_ARRAY, 3}, {"a0", true, CBOR_MAP, 0},
    {"a201020304", true, CBOR_MAP, 2}, {"a26161016162820203", true, CBOR_MAP, 2}, {"", false},
    {"1800", false}, {"190017", false}, {"1a0000ffff", false}, {"1b00000000ffffffff", false},
    {"18", false}, {"19ff", false}, {"f97e00", false}, {"fb3ff199999999999a", false},
    {"c074323031332d", false}, {"5f42010243030405ff", false}, {"9fff", false},
    {"bf61610161629f0203ffff", false}, {"ff", false}, {"f8ff", false}, {"44010203", false},
    {"82 01", false}, {"9bffffffffffffffff00", false}, {"bb7fffffffffffffff0000", false},
    {"a101", false}, {"1c", false}, {"1f", false},
    {"818181818181818181818100", false}, /* deeper than eight */
};

static size_t
bytes_of(const char *hex, unsigned char out[64])
{
	size_t n = 0;
	int hi = -1;

	for (; *hex; hex++) {
		int v = *hex >= 'a' ? *hex - 'a' + 10 : *hex - '0';

		if (*hex == ' ')
			continue;
		if (hi < 0) {
			hi = v;
		} else {
			out[n++] = (unsigned char)(hi << 4 | v);
			hi = -1;
		}
	}
	return n;
}

int
main(void)
{
	unsigned char b[64];

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		size_t n = bytes_of(t[i].hex, b);
		struct rd r = rd_init(b, n), again = r;
		bool ok = cbor_skip(&r) && rd_end(&r);
		struct cbor c = cbor_next(&again);

		OK(ok == t[i].ok && (!ok || (c.kind == t[i].kind && c.value == t[i].value)), "%s",
		    t[i].hex[0] ? t[i].hex : "nothing");
	}
	{
		struct rd r = rd_init("\x3b\x7f\xff\xff\xff\xff\xff\xff\xff\x3b\xff\xff\xff\xff\xff"
		                      "\xff\xff\xff", 18);
		struct cbor c = cbor_next(&r);
		int64_t v = 0;

		OK(cbor_int(&c, &v) && v == INT64_MIN, "the smallest number");
		c = cbor_next(&r);
		OK(c.kind == CBOR_NINT && !cbor_int(&c, &v), "one that does not fit");
	}
	return tap_done();
}
