"""What people see of powercap: the table of its metrics, and the programs that ``make sight`` tries them with."""
