/* DICOM Part 10 files (PS3.5, PS3.10): CR, CT and US images of practice patients. Pure. */
#ifndef MAMORI_PRACTICE_DICOM_H
#define MAMORI_PRACTICE_DICOM_H

#include "base/buf.h"
#include "practice/enc.h"
#include "practice/hospital.h"

enum dicom_syntax {
	DICOM_EXPLICIT_LE, DICOM_IMPLICIT_LE, DICOM_EXPLICIT_BE,
	DICOM_DEFLATED, DICOM_RLE, DICOM_JPEG,
	DICOM_SYNTAXES
};

struct dicom_image {
	const struct ev *ev;  /* EV_OMG11: patient, study, modality, time */
	uint64_t seed;
	int number;           /* instance 1.. */
	int w, h;
	enum dicom_syntax syntax;
	bool half_kana;       /* the alphabetic group in JIS X 0201 katakana (ISO 2022 IR 13) */
	const uint16_t *px;   /* 12 bits; 8 bits for US */
};

/* dicom_uid(s): The transfer syntax UID. */
const char *dicom_uid(enum dicom_syntax s);
/* dicom_write(im, enc, out, e): Append the whole file. E_INVAL: JPEG of an image that is not US. */
MUST int dicom_write(const struct dicom_image *im, struct enc *enc, struct buf *out, struct err *e);

#endif
