/* Top examples of a latent in five groups by fraction of its maximum, tokens shaded. */
#pragma once

#include <gtk/gtk.h>

#include "examples.h"
#include "tokenizer.h"

#define CS_TYPE_LATENT_EXAMPLE_LIST (cs_latent_example_list_get_type ())
G_DECLARE_FINAL_TYPE (CsLatentExampleList, cs_latent_example_list, CS, LATENT_EXAMPLE_LIST, GtkWidget)

/* examples: CsExample elements, taken (NULL for none). max: the latent's maximum. */
void cs_latent_example_list_set (CsLatentExampleList *self, GArray *examples, CsTokenizer *tokenizer,
                                 double max);
/* Shade by the sentence's own maximum instead of the latent's. */
void cs_latent_example_list_set_by_sentence (CsLatentExampleList *self, bool by_sentence);
/* All examples as text, for the clipboard; free with g_free(). */
char *cs_latent_example_list_as_text (CsLatentExampleList *self);
