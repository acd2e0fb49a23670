/* One of the four texts: written out as it comes, then shown as tokens shaded by a latent. */
#pragma once

#include <adwaita.h>

#include "steering-generation.h"

#define CS_TYPE_STEERING_PANE (cs_steering_pane_get_type ())
G_DECLARE_FINAL_TYPE (CsSteeringPane, cs_steering_pane, CS, STEERING_PANE, GtkBox)

/* Signals: "token-clicked" (guint index into ids, GdkRectangle *where in the pane, boxed). */

void        cs_steering_pane_set_id (CsSteeringPane *pane, CsPaneId id);
CsPaneId    cs_steering_pane_id (CsSteeringPane *pane);
/* What is there now, e.g. "Waiting". */
void        cs_steering_pane_show_message (CsSteeringPane *pane, const char *message);
void        cs_steering_pane_show_writing (CsSteeringPane *pane, const char *text);
/* latent with its maximum shades the tokens; max 0: no shading. */
void        cs_steering_pane_show_text (CsSteeringPane *pane, CsSteeringText *text, size_t latent, double max);
/* The finished text; NULL while there is none. Owned by the pane. */
CsSteeringText *cs_steering_pane_text (CsSteeringPane *pane);
/* What is shown, as text. */
const char *cs_steering_pane_shown (CsSteeringPane *pane);
