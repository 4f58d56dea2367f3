/*
 * NestJS: the Express middleware gives each request its tenant. The ambient Knex is injected like any other
 * provider.
 */
import 'reflect-metadata'
import { Controller, Get, Inject, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { TenantKnex } from 'tenant-knex'
import { NotesController, NotesService } from './notes.ts'
import { TENANT_KNEX, TenancyModule } from './tenancy.module.ts'

/** Has no tenant: the module skips it. */
@Controller('health')
class HealthController {
  readonly #tenantKnex: TenantKnex

  constructor(@Inject(TENANT_KNEX) tenantKnex: TenantKnex) {
    this.#tenantKnex = tenantKnex
  }

  @Get()
  async check(): Promise<object> {
    await this.#tenantKnex.check()
    return { status: 'ok' }
  }
}

@Module({
  imports: [TenancyModule],
  controllers: [NotesController, HealthController],
  providers: [NotesService],
})
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] })
app.enableShutdownHooks(['SIGTERM'], { useProcessExit: true })
await app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1')
