/* A study with one small run that is really trained and analysed, and the Latents page that shows
 * it. */
#pragma once

#include "latents-page-private.h"

#define LATENTS_N 48
#define LATENTS_MANY 73728 /* as many as the paper's crosscoder has */

typedef struct
{
  char *folder;
  char *run_folder;
  CsStudy *study;
  GtkWidget *window;
  AdwBin *header;
  CsLatentsPage *page;
} LatentsFixture;

void latents_settle (int milliseconds);

#define WAIT_FOR(condition)                                                                        \
  do                                                                                               \
    {                                                                                              \
      gint64 wait_end = g_get_monotonic_time () + 30 * G_USEC_PER_SEC;                             \
      while (!(condition) && g_get_monotonic_time () < wait_end)                                   \
        if (!g_main_context_iteration (NULL, FALSE))                                               \
          g_usleep (1000);                                                                         \
      g_assert_true (condition);                                                                   \
    }                                                                                              \
  while (0)

/* state: "" = no run, "trained", "analysed". */
void latents_set_up (LatentsFixture *f, gconstpointer state);
void latents_tear_down (LatentsFixture *f, gconstpointer state);
void latents_show_page (LatentsFixture *f, int width, int height);
/* Everything goes when the window does. */
void latents_close_page (LatentsFixture *f);
guint latents_n_shown (LatentsFixture *f);

/* Made-up numbers of n latents. */
CsLatents *latents_made_up (size_t n);

/* What main() does before its tests. */
void latents_test_init (int *argc, char ***argv);

/* Tests that other files of the program add. */
void latents_add_reading_tests (void);
void latents_add_pictures (void);
