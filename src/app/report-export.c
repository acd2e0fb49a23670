/* Writing the report from the Report page. */
#include <glib/gi18n.h>

#include "dialogs.h"
#include "feedback.h"
#include "report-page-private.h"
#include "report.h"

typedef struct
{
  char *study, *path;
  bool tables;
} Export;

static void
export_free (void *data)
{
  Export *export = data;

  g_free (export->study);
  g_free (export->path);
  g_free (export);
}

static void
export_thread (GTask *task, void *source, void *data, GCancellable *cancellable)
{
  const Export *export = data;
  GError *error = NULL;
  g_autoptr (CsReport) report = cs_report_new (export->study, NULL, &error);
  bool ok = report != NULL;

  if (ok && export->tables)
    ok = cs_report_save_csv (report, export->path, &error);
  else if (ok && g_str_has_suffix (export->path, ".pdf"))
    ok = cs_report_save_pdf (report, export->path, &error);
  else if (ok)
    ok = cs_report_save_html (report, export->path, &error);
  if (ok)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
export_done_cb (GObject *source, GAsyncResult *result, void *data)
{
  const Export *export = g_task_get_task_data (G_TASK (result));
  GError *error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    {
      g_autofree char *shown = g_filename_display_name (export->path);
      g_autofree char *text = g_strdup_printf (_ ("The report is in %s"), shown);

      cs_feedback_toast (GTK_WIDGET (source), text);
    }
  else
    cs_feedback_error (GTK_WIDGET (source), &error);
}

void
cs_report_page_export (CsReportPage *page, const char *path, bool tables)
{
  CsStudy *study = cs_page_study (CS_PAGE (page));
  g_autoptr (GTask) task = NULL;
  Export *export;

  if (study == NULL)
    return;
  export = g_new0 (Export, 1);
  export->study = g_strdup (cs_study_folder (study));
  export->path = g_strdup (path);
  export->tables = tables;
  task = g_task_new (page, NULL, export_done_cb, NULL);
  g_task_set_task_data (task, export, export_free);
  g_task_run_in_thread (task, export_thread);
}

static void
file_chosen_cb (GtkWidget *widget, const char *path, void *tables)
{
  if (path != NULL)
    cs_report_page_export (CS_REPORT_PAGE (widget), path, GPOINTER_TO_INT (tables));
}

static void
export_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  if (g_str_equal (name, "report.tables"))
    cs_compat_choose (widget, CS_CHOOSE_FOLDER, _ ("Folder for the Tables"), _ ("_Export"), NULL,
                      file_chosen_cb, GINT_TO_POINTER (TRUE));
  else
    cs_compat_choose (widget, CS_CHOOSE_SAVE, _ ("Export the Report"), _ ("_Export"),
                      g_str_equal (name, "report.pdf") ? "report.pdf" : "report.html",
                      file_chosen_cb, NULL);
}

void
cs_report_page_install_export (GtkWidgetClass *klass)
{
  gtk_widget_class_install_action (klass, "report.html", NULL, export_action);
  gtk_widget_class_install_action (klass, "report.pdf", NULL, export_action);
  gtk_widget_class_install_action (klass, "report.tables", NULL, export_action);
}
