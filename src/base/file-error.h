/* Errors that quote what a file says: a name of a tensor, a type, a key. Files may say anything; the sentence that is shown
 * stays one line of printable text all the same. */
#pragma once

#include <glib.h>

#include "errors.h"

/* As g_set_error (error, CS_ERROR, code, …), but line breaks and other control characters become spaces, what is no UTF-8
 * becomes U+FFFD, and of a sentence of more than 1,200 bytes the middle is left out. */
void cs_file_error (GError **error, CsError code, const char *format, ...) G_GNUC_PRINTF (3, 4);
/* The same to a text: a new one, free with g_free(). */
char *cs_file_quote (const char *text);
