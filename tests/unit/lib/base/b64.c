#include "base/b64.h"

#include "base/num.h"
#include "tap.h"

/* RFC 4648, section 10 */
static const struct {
	const char *bytes, *text, *url;
} rfc[] = {
	{"", "", ""},
	{"f", "Zg==", "Zg"},
	{"fo", "Zm8=", "Zm8"},
	{"foo", "Zm9v", "Zm9v"},
	{"foob", "Zm9vYg==", "Zm9vYg"},
	{"fooba", "Zm9vYmE=", "Zm9vYmE"},
	{"foobar", "Zm9vYmFy", "Zm9vYmFy"},
	{"\xfb\xff\xfe", "+//+", "-__-"},
};

int
main(void)
{
	static const char *const bad[] = {"Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Z", "====", "Zm 9",
	    "Zg==Zg==", "-__-", "Zm9v\n"};
	static const char *const bad_url[] = {"Zg==", "Zh", "Z", "+//+", "Zm9vA"};
	unsigned char out[64], all[256];
	char text[B64_LEN(256)];
	size_t n;
	int wrong = 0;

	for (size_t i = 0; i < ARRAY_LEN(rfc); i++) {
		size_t len = strlen(rfc[i].bytes);

		b64_put(text, rfc[i].bytes, len);
		wrong += strcmp(text, rfc[i].text) != 0;
		wrong += b64_get(out, sizeof(out), text, strlen(text), &n) != 0 || n != len ||
		    memcmp(out, rfc[i].bytes, len) != 0;
		b64_put_url(text, rfc[i].bytes, len);
		wrong += strcmp(text, rfc[i].url) != 0;
		wrong += b64_get_url(out, sizeof(out), text, strlen(text), &n) != 0 || n != len ||
		    memcmp(out, rfc[i].bytes, len) != 0;
	}
	EQ_I(wrong, 0, "the vectors of RFC 4648, both ways");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		EQ_I(b64_get(out, sizeof(out), bad[i], strlen(bad[i]), &n), E_INVAL, bad[i]);
	for (size_t i = 0; i < ARRAY_LEN(bad_url); i++)
		EQ_I(b64_get_url(out, sizeof(out), bad_url[i], strlen(bad_url[i]), &n), E_INVAL,
		    bad_url[i]);
	EQ_I(b64_get(out, 5, "Zm9vYmFy", 8, &n), E_LIMIT, "more than there is room for");
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (unsigned char)i;
	b64_put(text, all, sizeof(all));
	EQ_I(strlen(text) + 1, B64_LEN(256), "the length is as promised");
	return tap_done();
}
