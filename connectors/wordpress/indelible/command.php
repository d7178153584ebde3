<?php
declare( strict_types=1 );

namespace Indelible;

/** `wp indelible status|drain|sites|test|register|verify`. */
final class Command {
	public static function start(): void {
		if ( defined( 'WP_CLI' ) && WP_CLI ) {
			\WP_CLI::add_command( 'indelible', self::class );
		}
	}

	/** Which log each blog goes to; make those that are missing with `indelible site create`. */
	public function sites(): void {
		foreach ( is_multisite() ? array( 0, ...get_sites( array( 'fields' => 'ids', 'number' => 0 ) ) ) : array( 1 ) as $blog ) {
			\WP_CLI::line( ( 0 === $blog ? 'network' : "blog $blog" ) . "\t" . Settings::site_of( (int) $blog ) );
		}
	}

	/** What waits in the outbox, and why. */
	public function status(): void {
		foreach ( Outbox::status() as $log ) {
			\WP_CLI::line( sprintf( "%s\t%d waiting\t%d delivered\t%s", $log->site, $log->waiting, $log->delivered, $log->error ?? 'no trouble' ) );
		}
	}

	/** Whether the server is there and the tokens may what they must. */
	public function test(): void {
		self::say( Connection::test() );
	}

	/** Tells the server where it sends orders to put something back. */
	public function register(): void {
		self::say( Connection::register() );
	}

	/** Whether each log still has the last entry that it acknowledged. */
	public function verify(): void {
		self::say( Connection::verify() );
	}

	private static function say( array $results ): void {
		$failed = 0;
		foreach ( $results as [ $what, $ok, $more ] ) {
			\WP_CLI::line( ( $ok ? 'ok' : 'not ok' ) . "\t" . trim( "$what $more" ) );
			$failed += $ok ? 0 : 1;
		}
		$failed > 0 && \WP_CLI::halt( 1 );
	}

	/** Sends all that waits, now. */
	public function drain(): void {
		Opened::collect();
		Shipper::ship( 600.0, true );
		$this->status();
	}
}
