/* What a crosscoder of others still needs before it can be used: its two models, a threshold. Hidden where none needs anything. */
#pragma once

#include <adwaita.h>

#include "study.h"

#define CS_TYPE_IMPORTED_CARD (cs_imported_card_get_type ())
G_DECLARE_FINAL_TYPE (CsImportedCard, cs_imported_card, CS, IMPORTED_CARD, AdwBin)

GtkWidget *cs_imported_card_new (void);
/* May be NULL. */
void       cs_imported_card_set_study (CsImportedCard *card, CsStudy *study);
