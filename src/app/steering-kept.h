/* A button of the Steering page that lists the examples which are kept for the report, each with a
 * button that removes it; a removal can be undone. Finds the study by the page that it is in. */
#pragma once

#include <adwaita.h>

#define CS_TYPE_STEERING_KEPT (cs_steering_kept_get_type ())
G_DECLARE_FINAL_TYPE (CsSteeringKept, cs_steering_kept, CS, STEERING_KEPT, AdwBin)

/* Reads the kept examples again: what opening the list does. */
void cs_steering_kept_update (CsSteeringKept *self);
/* What the button of the row at this place does. */
void cs_steering_kept_remove (CsSteeringKept *self, guint index);
