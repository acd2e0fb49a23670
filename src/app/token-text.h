/* A piece of text as a model reads it: tokens in a row, each shaded by a value (one hue, the accent colour), wrapping at
 * the widget's width. A tooltip names the token under the pointer and its value; the arrow keys walk over the tokens.
 *
 * Signals: "token-clicked" (guint index): by a click, or Return on the current token. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gtk/gtk.h>

#include "tokenizer.h"

#define CS_TYPE_TOKEN_TEXT (cs_token_text_get_type ())
G_DECLARE_FINAL_TYPE (CsTokenText, cs_token_text, CS, TOKEN_TEXT, GtkWidget)

GtkWidget *cs_token_text_new (void);
/* Replaces the text by ids[n]. values[n] (or NULL: no shading) are shaded as fractions of max; values ≤ 0 and NaN are not
 * shaded, max ≤ 0 shades nothing. tokenizer may be NULL: ids are then shown as numbers. Everything is copied, the marks and
 * the current token are forgotten. */
void       cs_token_text_set (CsTokenText *self, CsTokenizer *tokenizer, const int32_t *ids, const float *values, size_t n,
                              double max);
/* New values for the same tokens (n as before). */
void       cs_token_text_set_values (CsTokenText *self, const float *values, double max);
/* Tokens to write dimmed, such as those of a chat template: marks[n], or NULL for none. Special tokens are always. */
void       cs_token_text_set_marks (CsTokenText *self, const bool *marks);
/* Whether a newline also breaks the line after its ↵ (off at first). */
void       cs_token_text_set_break_lines (CsTokenText *self, bool break_lines);
/* The underlined token; −1 for none. */
void       cs_token_text_set_current (CsTokenText *self, gssize index);
gssize     cs_token_text_get_current (CsTokenText *self);

size_t     cs_token_text_get_n (CsTokenText *self);
/* The whole text as it is shown; owned by the widget. */
const char *cs_token_text_get_text (CsTokenText *self);
/* The token's text as it is shown, newlines as ↵; free with g_free(). */
char      *cs_token_text_dup_token (CsTokenText *self, size_t index);
/* "“refuse” · 12.3, 0.82 of the maximum": what tooltip and screen reader say. Free with g_free(). */
char      *cs_token_text_describe (CsTokenText *self, size_t index);

/* The shade of a value: 0.05 + 0.95·log10 (1 + 9·a/max) for a > 0, else 0. */
double     cs_token_text_opacity (double value, double max);
