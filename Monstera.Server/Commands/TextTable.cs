using Spectre.Console;

namespace Monstera.Server.Commands;

/// <summary>Rows with a head: a table for people, and cells between tabs where the output is redirected, for what reads lines.</summary>
internal static class TextTable
{
    public static void Write(string[] head, IReadOnlyList<string[]> rows)
    {
        if (Console.IsOutputRedirected)
        {
            foreach (string[] row in rows.Prepend(head))
            {
                Console.WriteLine(string.Join('\t', row));
            }

            return;
        }

        Table table = new Table().Border(TableBorder.Simple).AddColumns(head);
        foreach (string[] row in rows)
        {
            table.AddRow([.. row.Select(Markup.Escape)]);
        }

        AnsiConsole.Write(table);
    }
}
