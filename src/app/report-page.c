#include "report-page.h"

#include <glib/gi18n.h>

#include "report-blocks.h"
#include "report-page-private.h"
#include "report.h"

#define REFRESH_DELAY_MS 300
#define FRAME_COST 600 /* characters that are laid out in one frame, or a little more */

struct _CsReportPage
{
  CsPage parent;
  GtkStack *stack;
  AdwStatusPage *empty;
  GtkButton *empty_button;
  GtkLabel *title, *subtitle;
  GtkBox *sections;
  GtkScrolledWindow *scrolled;
  GCancellable *reading; /* of the latest reading; NULL when none is under way */
  guint refresh_source;
  char *signature; /* of what is shown; NULL for nothing */
  /* A report has some thousand widgets: they are made a few a frame. */
  struct Reading *filling; /* NULL when all is shown */
  guint section, block;    /* the next to show */
  GtkWidget *growing;      /* the widget of the block before that one, where rows are missing */
  guint fill_source;       /* tick callback */
};

G_DEFINE_FINAL_TYPE (CsReportPage, cs_report_page, CS_TYPE_PAGE)

/* --- What is read --- */

typedef struct Reading
{
  CsReport *report;
  char *signature;
} Reading;

static void
reading_free (void *data)
{
  Reading *reading = data;

  cs_report_free (reading->report);
  g_free (reading->signature);
  g_free (reading);
}

static void
add_to_checksum (GChecksum *checksum, const char *text)
{
  if (text != NULL)
    g_checksum_update (checksum, (const guchar *)text, (gssize)strlen (text) + 1);
}

/* Of all words and numbers: figures show what the tables count. */
static char *
signature_of (const CsReport *report)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);

  add_to_checksum (checksum, report->title);
  add_to_checksum (checksum, report->subtitle);
  for (guint s = 0; s < report->sections->len; s++)
    {
      const CsReportSection *section = g_ptr_array_index (report->sections, s);

      for (guint b = 0; b < section->blocks->len; b++)
        {
          const CsReportBlock *block = g_ptr_array_index (section->blocks, b);

          add_to_checksum (checksum, block->text);
          add_to_checksum (checksum, block->detail);
          for (size_t i = 0; i < block->n_rows * block->n_columns; i++)
            add_to_checksum (checksum, block->cells[i].text);
        }
    }
  return g_strdup (g_checksum_get_string (checksum));
}

static void
read_thread (GTask *task, void *source, void *folder, GCancellable *cancellable)
{
  GError *error = NULL;
  CsReport *report = cs_report_new (folder, NULL, &error);
  Reading *reading;

  if (report == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  reading = g_new0 (Reading, 1);
  reading->report = report;
  reading->signature = signature_of (report);
  g_task_return_pointer (task, reading, reading_free);
}

/* --- What is shown --- */

static void
show_empty (CsReportPage *self, const char *description, const char *button)
{
  adw_status_page_set_description (self->empty, description);
  gtk_button_set_label (self->empty_button, button);
  gtk_stack_set_visible_child_name (self->stack, "empty");
}

static void
clear_sections (CsReportPage *self)
{
  GtkWidget *child;

  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self->sections))) != NULL)
    gtk_box_remove (self->sections, child);
}

static void
stop_filling (CsReportPage *self)
{
  if (self->fill_source != 0)
    gtk_widget_remove_tick_callback (GTK_WIDGET (self), self->fill_source);
  self->fill_source = 0;
  self->growing = NULL;
  g_clear_pointer (&self->filling, reading_free);
}

static void
show_section_title (CsReportPage *self, const CsReportSection *section)
{
  GtkWidget *title = gtk_label_new (section->title);

  gtk_label_set_xalign (GTK_LABEL (title), 0);
  gtk_label_set_wrap (GTK_LABEL (title), TRUE);
  gtk_widget_add_css_class (title, "title-2");
  gtk_widget_set_margin_top (title, 18);
  gtk_box_append (self->sections, title);
}

static size_t
show_block (CsReportPage *self, const CsReportBlock *block)
{
  GtkWidget *widget = cs_report_block_widget (block);

  gtk_box_append (self->sections, widget);
  if (cs_report_block_grow (widget, block))
    self->growing = widget;
  return cs_report_block_cost (block) + (block->n_rows > 0 ? CS_REPORT_GROWTH_COST : 0);
}

static size_t
grow (CsReportPage *self, const CsReportBlock *block)
{
  if (!cs_report_block_grow (self->growing, block))
    self->growing = NULL;
  return CS_REPORT_GROWTH_COST;
}

/* What the next piece costs, now that it is there; 0 when everything is shown. */
static size_t
show_next (CsReportPage *self)
{
  const GPtrArray *sections = self->filling->report->sections;
  const CsReportSection *section;
  size_t cost = 1;

  if (self->section == sections->len)
    return 0;
  section = g_ptr_array_index (sections, self->section);
  if (self->growing != NULL)
    cost = grow (self, g_ptr_array_index (section->blocks, self->block - 1));
  else
    {
      if (self->block == 0)
        show_section_title (self, section);
      if (self->block < section->blocks->len)
        cost = show_block (self, g_ptr_array_index (section->blocks, self->block++));
    }
  if (self->block >= section->blocks->len && self->growing == NULL)
    {
      self->section++;
      self->block = 0;
    }
  return cost;
}

/* Once a frame. */
static gboolean
fill_cb (GtkWidget *widget, GdkFrameClock *clock, void *data)
{
  CsReportPage *self = CS_REPORT_PAGE (widget);
  size_t cost = 0, next;

  do
    cost += next = show_next (self);
  while (next > 0 && cost < FRAME_COST);
  if (next > 0)
    return G_SOURCE_CONTINUE;
  self->fill_source = 0; /* removed by what is returned */
  stop_filling (self);
  return G_SOURCE_REMOVE;
}

/* Takes the reading. */
static void
show_sections (CsReportPage *self, Reading *reading)
{
  stop_filling (self);
  clear_sections (self);
  gtk_label_set_text (self->title, reading->report->title);
  gtk_label_set_text (self->subtitle, reading->report->subtitle);
  self->filling = reading;
  self->section = self->block = 0;
  self->fill_source = gtk_widget_add_tick_callback (GTK_WIDGET (self), fill_cb, NULL, NULL);
}

/* Takes the reading. */
static void
show_report (CsReportPage *self, Reading *reading)
{
  const CsReport *report = reading->report;
  g_autofree char *status = NULL;
  size_t fails = cs_report_count (report, CS_REPORT_FAILS),
         holds = cs_report_count (report, CS_REPORT_HOLDS);
  bool any = cs_report_find (report, "claims-table") != NULL ||
             cs_report_find (report, "planted-table") != NULL;

  gtk_widget_action_set_enabled (GTK_WIDGET (self), "report.html", any);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "report.pdf", any);
  gtk_widget_action_set_enabled (GTK_WIDGET (self), "report.tables", any);
  if (holds + fails > 0)
    status = g_strdup_printf (_ ("%zu of %zu"), holds, holds + fails);
  cs_page_set_status (CS_PAGE (self), status);
  if (!any)
    {
      stop_filling (self);
      clear_sections (self);
      reading_free (reading);
      show_empty (self,
                  _ ("Train and analyse a crosscoder first; with L1 beside BatchTopK there is "
                     "something to compare."),
                  _ ("Show Training"));
      return;
    }
  show_sections (self, reading);
  gtk_stack_set_visible_child_name (self->stack, "content");
}

static void
read_done_cb (GObject *source, GAsyncResult *result, void *data)
{
  CsReportPage *self = CS_REPORT_PAGE (source);
  GTask *task = G_TASK (result);
  bool latest = g_task_get_cancellable (task) == self->reading;
  g_autoptr (GError) error = NULL;
  Reading *reading = g_task_propagate_pointer (task, &error);

  if (latest)
    g_clear_object (&self->reading);
  if (latest && reading == NULL)
    {
      g_clear_pointer (&self->signature, g_free);
      show_empty (self, error->message, _ ("Show Training"));
    }
  else if (latest && g_strcmp0 (reading->signature, self->signature) != 0)
    {
      g_free (self->signature);
      self->signature = g_strdup (reading->signature);
      show_report (self, g_steal_pointer (&reading));
    }
  if (reading != NULL)
    reading_free (reading);
}

void
cs_report_page_refresh (CsReportPage *page)
{
  CsStudy *study = cs_page_study (CS_PAGE (page));
  g_autoptr (GTask) task = NULL;

  g_clear_handle_id (&page->refresh_source, g_source_remove);
  if (study == NULL)
    return;
  if (page->reading != NULL)
    g_cancellable_cancel (page->reading);
  g_clear_object (&page->reading);
  page->reading = g_cancellable_new ();
  task = g_task_new (page, page->reading, read_done_cb, NULL);
  g_task_set_task_data (task, g_strdup (cs_study_folder (study)), g_free);
  g_task_run_in_thread (task, read_thread);
}

bool
cs_report_page_is_settled (CsReportPage *page)
{
  return page->reading == NULL && page->refresh_source == 0 && page->filling == NULL;
}

static gboolean
refresh_later_cb (void *data)
{
  CsReportPage *self = data;

  self->refresh_source = 0;
  cs_report_page_refresh (self);
  return G_SOURCE_REMOVE;
}

/* Several changes in a row are read once; a page that is not shown reads when it is. */
static void
changed_cb (CsReportPage *self)
{
  if (gtk_widget_get_mapped (GTK_WIDGET (self)) && self->refresh_source == 0)
    self->refresh_source = g_timeout_add (REFRESH_DELAY_MS, refresh_later_cb, self);
}

static void
mapped_cb (CsReportPage *self)
{
  cs_report_page_refresh (self);
}

static void
empty_clicked_cb (CsReportPage *self)
{
  gtk_widget_activate_action (GTK_WIDGET (self), "win.show-page", "s", "training");
}

/* --- Study --- */

static void
runs_changed_cb (CsReportPage *self)
{
  CsStudy *study = cs_page_study (CS_PAGE (self));
  GListModel *runs = cs_study_runs (study);

  for (guint i = 0; i < g_list_model_get_n_items (runs); i++)
    {
      g_autoptr (CsRun) run = g_list_model_get_item (runs, i);

      g_signal_handlers_disconnect_by_func (run, changed_cb, self);
      g_signal_connect_object (run, "changed", G_CALLBACK (changed_cb), self, G_CONNECT_SWAPPED);
    }
  changed_cb (self);
}

static void
forget_study (CsReportPage *self, CsStudy *old)
{
  GListModel *runs = cs_study_runs (old);

  for (guint i = 0; i < g_list_model_get_n_items (runs); i++)
    {
      g_autoptr (CsRun) run = g_list_model_get_item (runs, i);

      g_signal_handlers_disconnect_by_func (run, changed_cb, self);
    }
  g_signal_handlers_disconnect_by_data (runs, self);
  g_signal_handlers_disconnect_by_data (cs_study_jobs (old), self);
  g_signal_handlers_disconnect_by_data (old, self);
}

static void
cs_report_page_study_changed (CsPage *page, CsStudy *old)
{
  CsReportPage *self = CS_REPORT_PAGE (page);
  CsStudy *study = cs_page_study (page);

  if (self->reading != NULL)
    g_cancellable_cancel (self->reading);
  g_clear_object (&self->reading);
  stop_filling (self);
  g_clear_handle_id (&self->refresh_source, g_source_remove);
  g_clear_pointer (&self->signature, g_free);
  if (old != NULL)
    forget_study (self, old);
  if (self->stack == NULL)
    return; /* being disposed of */
  clear_sections (self);
  cs_page_set_status (page, NULL);
  gtk_stack_set_visible_child_name (self->stack, "reading");
  if (study == NULL)
    return;
  g_signal_connect_object (study, "changed", G_CALLBACK (changed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (study, "labels-changed", G_CALLBACK (changed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (cs_study_runs (study), "items-changed", G_CALLBACK (runs_changed_cb),
                           self, G_CONNECT_SWAPPED);
  g_signal_connect_object (cs_study_jobs (study), "items-changed", G_CALLBACK (changed_cb), self,
                           G_CONNECT_SWAPPED);
  runs_changed_cb (self);
  if (gtk_widget_get_mapped (GTK_WIDGET (self)))
    cs_report_page_refresh (self);
}

/* --- Class --- */

static void
cs_report_page_dispose (GObject *object)
{
  CsReportPage *self = CS_REPORT_PAGE (object);

  self->stack = NULL;
  cs_page_set_study (CS_PAGE (self), NULL);
  G_OBJECT_CLASS (cs_report_page_parent_class)->dispose (object);
}

static void
cs_report_page_class_init (CsReportPageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = cs_report_page_dispose;
  CS_PAGE_CLASS (klass)->study_changed = cs_report_page_study_changed;
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/crosscope/Crosscope/ui/report-page.ui");
#define BIND(name) gtk_widget_class_bind_template_child (widget_class, CsReportPage, name)
  BIND (stack);
  BIND (empty);
  BIND (empty_button);
  BIND (title);
  BIND (subtitle);
  BIND (sections);
  BIND (scrolled);
#undef BIND
  gtk_widget_class_bind_template_callback (widget_class, empty_clicked_cb);
  cs_report_page_install_export (widget_class);
}

static void
cs_report_page_init (CsReportPage *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
  g_signal_connect (self, "map", G_CALLBACK (mapped_cb), NULL);
}
