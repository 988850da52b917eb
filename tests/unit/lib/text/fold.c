#include "text/fold.h"

#include <stdio.h>

#include "base/num.h"
#include "tap.h"

int
main(void)
{
	static const char *const same[][2] = {
		{"たかはし", "ﾀｶﾊｼ"}, {"ガード", "ｶﾞｰﾄﾞ"}, {"㈱", "(株)"}, {"①", "1"}, {"ＡＢＣ", "abc"},
		{"葛󠄀", "葛"}, {"ゔ", "ヴ"}, {"ぁ", "ァ"}, {"", ""}, {"𠮷野", "𠮷野"},
	};
	static const char *const differ[][2] = {
		{"髙橋", "高橋"}, {"山﨑", "山崎"}, {"𠮷野", "吉野"}, {"は", "バ"}, {"", "x"},
	};
	struct buf b;

	for (size_t i = 0; i < ARRAY_LEN(same); i++)
		OK(text_same(same[i][0], same[i][1]), "%s is %s", same[i][0], same[i][1]);
	for (size_t i = 0; i < ARRAY_LEN(differ); i++)
		OK(!text_same(differ[i][0], differ[i][1]), "%s is not %s", differ[i][0],
		    differ[i][1]);
	buf_init(&b, 64);
	EQ_I(text_fold(&b, "\xff", NULL), E_INVAL, "what is not UTF-8");
	EQ_I(text_fold(&b, "\xe3\x81", NULL), E_INVAL, "cut off");
	buf_free(&b);
	buf_init(&b, 4);
	EQ_I(text_fold(&b, "ながい", NULL), E_LIMIT, "too long");
	buf_free(&b);
	return tap_done();
}
