/* All about one latent: name and note, verdict in words, numbers, top examples. Its buttons activate the page's "latents."
 * actions. Main thread only. */
#pragma once

#include <adwaita.h>

#include "latent-examples.h"
#include "latent-list.h"

#define CS_TYPE_LATENT_DETAIL (cs_latent_detail_get_type ())
G_DECLARE_FINAL_TYPE (CsLatentDetail, cs_latent_detail, CS, LATENT_DETAIL, AdwBin)

/* What the latents are of; study NULL for nothing. Shows no latent. */
void cs_latent_detail_set_run (CsLatentDetail *self, CsStudy *study, const char *run_name,
                               CsLatentList *list, CsExampleSource *source);
/* −1 for none. */
void cs_latent_detail_show (CsLatentDetail *self, gssize latent);
/* On a narrow window it has a button back to the table. */
void cs_latent_detail_set_narrow (CsLatentDetail *self, bool narrow);
void cs_latent_detail_toggle_bookmark (CsLatentDetail *self);
/* Writes what was typed and not yet saved. */
void cs_latent_detail_flush (CsLatentDetail *self);
/* Everything shown, as text; free with g_free(). */
char *cs_latent_detail_as_text (CsLatentDetail *self);
