/* What comes into the window from outside: crosscoders opened from Welcome, and files and folders dropped anywhere.
 *
 * A study is opened. A model becomes the study's base or chat model, a crosscoder a run, text a corpus; feature_df.csv and
 * examples.db are attached to the run that the Latents page shows; the two activation caches of a pair become the study's
 * activations. Where no study is open, one is made in the user's data folder, or, for a crosscoder that was opened before,
 * the one it was opened in comes back. */
#pragma once

#include "imported-card.h"
#include "window.h"

/* Adds win.open-crosscoder and win.open-crosscoder-folder, the drop target, and to the Pair page a card with what imported
 * crosscoders need, which the window tells of its study. */
CsImportedCard *cs_intake_add (CsWindow *window);
/* Takes in files and folders (NULL-terminated) once they have been looked at on another thread. */
void cs_intake_take (CsWindow *window, const char *const *paths);
