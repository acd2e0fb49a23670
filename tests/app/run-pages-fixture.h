/* A window with the pages Pair, Activations and Training, a study in a temporary folder, and made-up files in it. */
#pragma once

#include <adwaita.h>

#include "page.h"

#define PAGES_D_MODEL 16

typedef struct
{
  char *folder;
  CsStudy *study;
  GtkWidget *window, *stack;
  CsPage *pages[3]; /* pair, activations, training */
} PagesFixture;

/* Iterates the main loop until condition holds; false after the deadline. shoot: with CROSSCOPE_SHOTS set to a folder, writes
 * what the window shows there. make_store: documents of 50 tokens; make_run: a run folder with 240 rows and 48 snapshots. */
bool pages_wait_for (bool (*condition) (void *data), void *data, double seconds);
void pages_settle (double seconds);
void pages_set_up (PagesFixture *f, gconstpointer data);
void pages_set_study (PagesFixture *f, CsStudy *study);
void pages_tear_down (PagesFixture *f, gconstpointer data);
void pages_show (PagesFixture *f, const char *page);
void pages_shoot (PagesFixture *f, const char *name);
GtkWidget *pages_find (GtkWidget *widget, GType type);
guint pages_count (GtkWidget *widget, GType type);
bool pages_shows_text (GtkWidget *widget, const char *text);
/* Waits until a label below widget holds text. */
bool pages_wait_text (GtkWidget *widget, const char *text);
void pages_make_store (PagesFixture *f, size_t n_documents);
void pages_small_config (CsTrainConfig *config, size_t steps);
void pages_make_run (PagesFixture *f, const char *name, CsVariant variant, double level);
void pages_reopen (PagesFixture *f);
